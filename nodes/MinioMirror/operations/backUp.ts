import type { IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';

import { backUpBuckets, BackupError, CHECKPOINT_GIB, keyIn, type Manifest } from '../../../engine';
import { archiveSettings } from '../../shared/archiveSettings';
import { madeItem } from '../../shared/backupItem';
import { BinaryOutput } from '../../shared/binaryOutput';
import { decryptionKeys, encryptionKeys } from '../../shared/encryption';
import { errorItem, toNodeError } from '../../shared/errors';
import { failedBackups } from '../../shared/failedBackups';
import { collectionOf, type Fields, numberIn, textOf, yesNoIn } from '../../shared/fields';
import { showWarnings } from '../../shared/hints';
import type { Operation } from '../../shared/operation';
import { patternChoices } from '../../shared/patterns';
import { progressLog } from '../../shared/progress';
import { s3Connection } from '../../shared/s3Connection';
import { isSimplified } from '../../shared/simplify';
import { openStorage } from '../../shared/storage';
import { backupContent, OWN_FOLDER } from '../backupContent';
import { bucketChoice } from '../bucketChoice';
import { backUpFields } from '../descriptions/backUp';

const GIB = 1024 ** 3;

/** Undefined for a whole backup. */
function incrementalOf(context: IExecuteFunctions, item: number, options: Fields) {
	if (context.getNodeParameter('backupType', item, 'whole') !== 'incremental') return undefined;
	return {
		wholeEvery: numberIn(options, 'wholeEvery', 30, 'Whole Every', { min: 0, max: 1000 }),
		leastUse: numberIn(options, 'leastUse', 30, 'Least Use (%)', { min: 0, max: 100 }) / 100,
	};
}

/** Backs buckets up: one item for each archive. */
export const backUp: Operation = {
	description: backUpFields,
	async execute(context, item) {
		const { logger } = context;
		const options = collectionOf(context, 'options', item, 'Options');
		const archive = archiveSettings(context, item, options, OWN_FOLDER);
		const choice = bucketChoice(context, item);
		const isEncrypted = context.getNodeParameter('encrypt', item) === true;
		const encryption = isEncrypted ? await encryptionKeys(context, item) : undefined;
		const keys = isEncrypted ? await decryptionKeys(context, item) : undefined;
		const toStorage = context.getNodeParameter('destination', item) === 'storage';
		const output = toStorage ? undefined : new BinaryOutput(context.helpers);
		const progress = progressLog((line) => logger.info(`MinIO Mirror: ${line}`));
		const size = numberIn(options, 'checkpointSize', 16, 'Checkpoint Size (GiB)', CHECKPOINT_GIB);
		const incremental = toStorage ? incrementalOf(context, item, options) : undefined;
		const { backups, failures } = await backUpBuckets({
			...archive,
			...choice,
			...patternChoices(context, item),
			prefix: textOf(context.getNodeParameter('keyPrefix', item), 'Key Prefix'),
			connection: await s3Connection(context, item, options),
			objectTags: yesNoIn(options, 'objectTags', true, 'Object Tags'),
			configuration: yesNoIn(options, 'configuration', true, 'Bucket Configuration'),
			checkpointBytes: output ? Infinity : GIB * size,
			...(incremental && { incremental }),
			storage: output ?? (await openStorage(context, item)),
			...(encryption && { encryption }),
			...(keys && { keys }),
			signal: context.getExecutionCancelSignal(),
			log: (line) => logger.debug(`MinIO Mirror: ${line}`),
			onProgress: ({ bucket, bytes, entries }) => progress(`backing up ${bucket}, ${entries} objects`, bytes),
		});
		if (backups.length + failures.length === 0) {
			throw new BackupError('INVALID_INPUT', 'There is no bucket to back up.', {
				hint: 'The server shows none to these keys, or Exclude Buckets leaves out all of them.',
			});
		}
		const isSimple = isSimplified(context, item);
		const items = backups.map((manifest) =>
			itemOf(context, item, { manifest, folder: archive.folder, output, isSimple }),
		);
		showWarnings(
			context,
			backups.flatMap(({ warnings }) => warnings),
		);
		if (failures.length === 0) return items;
		if (!context.continueOnFail()) {
			const named = failures.map(({ bucket, error }) => ({ name: bucket, error }));
			throw toNodeError(context.getNode(), failedBackups(named, backups.length + failures.length, toStorage), item);
		}
		return [...items, ...failures.map(({ bucket, error }) => errorItem(error, item, { bucket }))];
	},
};

function itemOf(
	context: IExecuteFunctions,
	item: number,
	made: { manifest: Manifest; folder: string; output: BinaryOutput | undefined; isSimple: boolean },
): INodeExecutionData {
	const { manifest, folder, output, isSimple } = made;
	const { file, size, warnings } = manifest;
	const key = keyIn(folder, file);
	context.logger.info(`MinIO Mirror: backed up ${manifest.name}`, { file, bytes: size.stored });
	const binary = output?.binary(key);
	const json = madeItem(
		{ manifest, key, warnings, contentOf: backupContent, isBinary: binary !== undefined },
		isSimple,
	);
	if (!binary) return { json };
	const field = textOf(context.getNodeParameter('outputBinaryField', item), 'Put Output File in Field');
	return { json, binary: { [field]: binary } };
}

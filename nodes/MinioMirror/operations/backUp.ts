import { backUpBuckets, BackupError, type Versions } from '../../../engine';
import { archiveSettings } from '../../shared/archiveSettings';
import { madeOutput } from '../../shared/backupOutput';
import { limitedStorage } from '../../shared/bandwidth';
import { BinaryOutput } from '../../shared/binaryOutput';
import { decryptionKeys, encryptionKeys } from '../../shared/encryption';
import { errorItem, toNodeError } from '../../shared/errors';
import { failedBackups } from '../../shared/failedBackups';
import { collectionOf, locatedText, yesNoIn } from '../../shared/fields';
import { showWarnings } from '../../shared/hints';
import { eventOf } from '../../shared/journal';
import type { Operation } from '../../shared/operation';
import { patternChoices } from '../../shared/patterns';
import { progressLog } from '../../shared/progress';
import { s3Connection } from '../../shared/s3Connection';
import { isSimplified } from '../../shared/simplify';
import { openStorage } from '../../shared/storage';
import { incrementalSettings, keyWarnings } from '../../shared/tree/incremental';
import { backupContent, OWN_FOLDER } from '../backupContent';
import { bucketChoice } from '../bucketChoice';
import { backUpFields } from '../descriptions/backUp';

const TITLE = 'MinIO Mirror';

/** Backs buckets up: one item for each archive. */
export const backUp: Operation = {
	description: backUpFields,
	journal: { action: 'backUp', kind: 'minio' },
	async execute(context, item) {
		const { logger } = context;
		const options = collectionOf(context, 'options', item, 'Options');
		const archive = archiveSettings(context, item, options, OWN_FOLDER, 'own');
		const choice = bucketChoice(context, item);
		const increments = incrementalSettings(context, item, options);
		const isEncrypted = context.getNodeParameter('encrypt', item) === true;
		const encryption = isEncrypted ? await encryptionKeys(context, item) : undefined;
		// What opens the earlier backups that these go on from.
		const keys = isEncrypted ? await decryptionKeys(context, item) : undefined;
		const toStorage = context.getNodeParameter('destination', item) === 'storage';
		const output = toStorage ? undefined : new BinaryOutput(context.helpers);
		const progress = progressLog((line) => logger.info(`${TITLE}: ${line}`));
		const { backups, failures, leftOut } = await backUpBuckets({
			...archive,
			...choice,
			...increments,
			...patternChoices(context, item),
			prefix: locatedText(context, 'keyPrefix', item, 'Key Prefix'),
			versions: context.getNodeParameter('versions', item, 'current') as Versions,
			connection: await s3Connection(context, item, options),
			objectTags: yesNoIn(options, 'objectTags', true, 'Object Tags'),
			skipUnreadable: yesNoIn(options, 'skipUnreadable', false, 'Skip Unreadable'),
			configuration: yesNoIn(options, 'configuration', true, 'Bucket Configuration'),
			storage: output ? limitedStorage(context, item, output) : await openStorage(context, item),
			...(encryption && { encryption }),
			keys,
			signal: context.getExecutionCancelSignal(),
			log: (line) => logger.debug(`${TITLE}: ${line}`),
			onProgress: ({ bucket, bytes, entries }) => progress(`backing up ${bucket}, ${entries} objects`, bytes),
		});
		if (backups.length + failures.length === 0) {
			throw new BackupError('INVALID_INPUT', 'There is no bucket to back up.', {
				hint: 'The server shows none to these keys, or Exclude Buckets leaves out all of them.',
			});
		}
		const isSimple = isSimplified(context, item);
		const ofKeys = keyWarnings(increments, isEncrypted, keys);
		const common = { title: TITLE, folder: archive.folder, contentOf: backupContent, output, isSimple };
		const items = backups.map((manifest) =>
			madeOutput(context, item, { ...common, manifest, warnings: [...manifest.warnings, ...ofKeys] }),
		);
		const ofOwn = leftOut.map((name) => `The bucket ${name} is the storage of the backups, and was left out.`);
		showWarnings(context, [...ofOwn, ...backups.flatMap(({ warnings }) => warnings), ...ofKeys]);
		for (const { bucket, error } of failures) eventOf(context, item).failed({ name: bucket }, error);
		if (failures.length === 0) return items;
		if (!context.continueOnFail()) {
			const named = failures.map(({ bucket, error }) => ({ name: bucket, error }));
			throw toNodeError(context.getNode(), failedBackups(named, backups.length + failures.length, toStorage), item);
		}
		return [...items, ...failures.map(({ bucket, error }) => errorItem(error, item, { bucket }))];
	},
};

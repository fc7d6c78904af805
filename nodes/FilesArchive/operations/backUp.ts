import type { IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';

import { backUpFiles, type DecryptionKeys, keyIn, type Manifest } from '../../../engine';
import { madeItem } from '../../shared/backupItem';
import { BinaryOutput } from '../../shared/binaryOutput';
import { decryptionKeys, encryptionKeys } from '../../shared/encryption';
import { textOf } from '../../shared/fields';
import { forbiddenByN8n, guardedByN8n } from '../../shared/fileAccess';
import { showWarnings } from '../../shared/hints';
import type { Operation } from '../../shared/operation';
import { progressLog } from '../../shared/progress';
import { isSimplified } from '../../shared/simplify';
import { openStorage, storageFolder } from '../../shared/storage';
import { backupContent } from '../backupContent';
import { backUpSettings, type BackUpSettings } from '../backUpSettings';
import { backUpFields } from '../descriptions/backUp';

/** Backs a folder or a file up: one item. */
export const backUp: Operation = {
	description: backUpFields,
	async execute(context, item) {
		const settings = backUpSettings(context, item);
		const isSimple = isSimplified(context, item);
		const root = await guardedByN8n(context.helpers).allowedFolder(settings.path);
		const isEncrypted = context.getNodeParameter('encrypt', item) === true;
		const encryption = isEncrypted ? await encryptionKeys(context, item) : undefined;
		// What opens the earlier backups that this one goes on from.
		const keys = isEncrypted ? await decryptionKeys(context, item) : undefined;
		const { name, files, archive, toStorage } = settings;
		const output = toStorage ? undefined : new BinaryOutput(context.helpers);
		const ownFolder = toStorage ? await storageFolder(context, item) : undefined;
		const { logger } = context;
		const progress = progressLog((line) => logger.info(`Files Archive: ${line}`));
		const manifest = await backUpFiles({
			...archive,
			...files,
			...(output && { checkpointBytes: Infinity }),
			root,
			name,
			incremental: toStorage ? settings.incremental : undefined,
			notIn: ownFolder === undefined ? [] : [ownFolder],
			forbidden: forbiddenByN8n(context.helpers),
			storage: output ?? (await openStorage(context, item)),
			...(encryption && { encryption }),
			keys,
			signal: context.getExecutionCancelSignal(),
			log: (line) => logger.debug(`Files Archive: ${line}`),
			onProgress: ({ bytes, entries }) => progress(`backing up ${name}, ${entries} entries`, bytes),
		});
		const warnings = [...manifest.warnings, ...keyWarnings(settings, isEncrypted, keys)];
		showWarnings(context, warnings);
		return [itemOf({ context, item, settings, output, isSimple }, manifest, warnings)];
	},
};

interface Run {
	context: IExecuteFunctions;
	item: number;
	settings: BackUpSettings;
	/** Undefined where the archive went to a storage. */
	output: BinaryOutput | undefined;
	isSimple: boolean;
}

function itemOf(
	{ context, item, settings, output, isSimple }: Run,
	manifest: Manifest,
	warnings: string[],
): INodeExecutionData {
	const { file, size } = manifest;
	const key = keyIn(settings.archive.folder, file);
	context.logger.info(`Files Archive: backed up ${manifest.name}`, { file, bytes: size.stored });
	const binary = output?.binary(key);
	const made = { manifest, key, warnings, contentOf: backupContent, isBinary: binary !== undefined };
	const json = madeItem(made, isSimple);
	if (!binary) return { json };
	const field = textOf(context.getNodeParameter('outputBinaryField', item), 'Put Output File in Field');
	return { json, binary: { [field]: binary } };
}

/** Who can encrypt but not decrypt cannot read the index of an earlier backup. */
function keyWarnings(
	{ incremental, toStorage }: BackUpSettings,
	isEncrypted: boolean,
	{ passphrase, privateKeys = [] }: DecryptionKeys = {},
): string[] {
	if (!incremental || !toStorage || !isEncrypted || passphrase !== undefined || privateKeys.length > 0) return [];
	return [
		'This backup is a whole one: to go on from an earlier one, the Backup Encryption credential needs a passphrase or the private key.',
	];
}

import { backUpFiles } from '../../../engine';
import { madeOutput } from '../../shared/backupOutput';
import { limitedStorage } from '../../shared/bandwidth';
import { BinaryOutput } from '../../shared/binaryOutput';
import { decryptionKeys, encryptionKeys } from '../../shared/encryption';
import { forbiddenByN8n, guardedByN8n } from '../../shared/fileAccess';
import { showWarnings } from '../../shared/hints';
import { eventOf } from '../../shared/journal';
import type { Operation } from '../../shared/operation';
import { progressLog } from '../../shared/progress';
import { isSimplified } from '../../shared/simplify';
import { openStorage, storageFolder } from '../../shared/storage';
import { keyWarnings } from '../../shared/tree/incremental';
import { backupContent } from '../backupContent';
import { backUpSettings } from '../backUpSettings';
import { backUpFields } from '../descriptions/backUp';

const TITLE = 'Files Archive';

/** Backs a folder or a file up: one item. */
export const backUp: Operation = {
	description: backUpFields,
	journal: { action: 'backUp', kind: 'files' },
	async execute(context, item) {
		const { path, name, files, increments, archive, toStorage } = backUpSettings(context, item);
		eventOf(context, item).tell({ name, place: `folder ${path}` });
		const isSimple = isSimplified(context, item);
		const root = await guardedByN8n(context.helpers).allowedFolder(path);
		const isEncrypted = context.getNodeParameter('encrypt', item) === true;
		const encryption = isEncrypted ? await encryptionKeys(context, item) : undefined;
		// What opens the earlier backups that this one goes on from.
		const keys = isEncrypted ? await decryptionKeys(context, item) : undefined;
		const output = toStorage ? undefined : new BinaryOutput(context.helpers);
		const ownFolder = toStorage ? await storageFolder(context, item) : undefined;
		const { logger } = context;
		const progress = progressLog((line) => logger.info(`${TITLE}: ${line}`));
		const manifest = await backUpFiles({
			...archive,
			...files,
			...increments,
			root,
			name,
			notIn: ownFolder === undefined ? [] : [ownFolder],
			forbidden: forbiddenByN8n(context.helpers),
			storage: output ? limitedStorage(context, item, output) : await openStorage(context, item),
			...(encryption && { encryption }),
			keys,
			signal: context.getExecutionCancelSignal(),
			log: (line) => logger.debug(`${TITLE}: ${line}`),
			onProgress: ({ bytes, entries }) => progress(`backing up ${name}, ${entries} entries`, bytes),
		});
		const warnings = [...manifest.warnings, ...keyWarnings(increments, isEncrypted, keys)];
		showWarnings(context, warnings);
		const made = {
			title: TITLE,
			manifest,
			folder: archive.folder,
			warnings,
			contentOf: backupContent,
			output,
			isSimple,
		};
		return [madeOutput(context, item, made)];
	},
};

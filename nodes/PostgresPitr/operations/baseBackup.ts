import { backUpCluster } from '../../../engine';
import { madeOutput } from '../../shared/backupOutput';
import { decryptionKeys, encryptionKeys } from '../../shared/encryption';
import { showWarnings } from '../../shared/hints';
import { eventOf } from '../../shared/journal';
import type { Operation } from '../../shared/operation';
import { withPostgres } from '../../shared/postgresConnection';
import { isSimplified } from '../../shared/simplify';
import { openStorage } from '../../shared/storage';
import { baseContent } from '../backupContent';
import { baseBackupSettings } from '../baseBackupSettings';
import { baseBackupFields } from '../descriptions/baseBackup';

const TITLE = 'Postgres PITR';

/** Stores a base backup of a server: one item. */
export const baseBackup: Operation = {
	description: baseBackupFields,
	journal: { action: 'backUp', kind: 'postgres-base' },
	async execute(context, item) {
		const { connectTimeout, cluster, archive } = baseBackupSettings(context, item);
		if (cluster.name !== undefined) eventOf(context, item).tell({ name: cluster.name });
		const isSimple = isSimplified(context, item);
		const isEncrypted = context.getNodeParameter('encrypt', item) === true;
		const encryption = isEncrypted ? await encryptionKeys(context, item) : undefined;
		// What opens the base backup that an incremental one goes on from.
		const keys = isEncrypted ? await decryptionKeys(context, item) : undefined;
		const storage = await openStorage(context, item);
		const manifest = await withPostgres(context, item, { connectTimeout }, async (connection) => {
			return await backUpCluster({
				...archive,
				...cluster,
				connection,
				storage,
				...(encryption && { encryption }),
				keys,
				signal: context.getExecutionCancelSignal(),
				log: (line) => context.logger.info(`${TITLE}: ${line}`),
			});
		});
		const { warnings } = manifest;
		showWarnings(context, warnings);
		const made = {
			title: TITLE,
			manifest,
			folder: archive.folder,
			warnings,
			contentOf: baseContent,
			output: undefined,
		};
		return [madeOutput(context, item, { ...made, isSimple })];
	},
};

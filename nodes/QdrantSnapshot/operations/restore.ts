import { assertCollectionConfirmed, restoreCollection } from '../../../engine';
import type { Operation } from '../../shared/operation';
import { qdrantConnection } from '../../shared/qdrantConnection';
import { isSimplified } from '../../shared/simplify';
import { restoreFields } from '../descriptions/restore';
import { restoreItem } from '../restoreItem';
import { restoreSettings, restoreTarget } from '../restoreSettings';
import { withSource } from '../restoreSource';

/** Restores a collection from a backup of ours or a snapshot made by others: one item with the report. */
export const restore: Operation = {
	description: restoreFields,
	journal: { action: 'restore', kind: 'qdrant' },
	async execute(context, item) {
		const { logger } = context;
		const target = restoreTarget(context, item);
		// The engine asks as well, but a snapshot without a manifest is read before.
		assertCollectionConfirmed(target);
		const settings = restoreSettings(context, item);
		const isSimple = isSimplified(context, item);
		const connection = await qdrantConnection(context, item, settings.connection);
		return await withSource(context, item, { ...settings, connection }, async (open) => {
			const { aliases, check, folder, snapshotVersion, timeZone } = settings;
			const report = await restoreCollection({
				connection,
				source: open.source,
				target,
				aliases,
				check,
				snapshotVersion,
				timeZone,
				...(open.storage && { ledger: { storage: open.storage, folder } }),
				signal: context.getExecutionCancelSignal(),
				log: (line) => logger.debug(`Qdrant Snapshot: ${line}`),
			});
			logger.info(`Qdrant Snapshot: restored ${open.source.description}`, { collection: report.collection });
			return [{ json: restoreItem(context, report, open, isSimple) }];
		});
	},
};

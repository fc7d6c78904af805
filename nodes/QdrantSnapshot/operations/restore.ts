import { assertCollectionConfirmed, restoreCollection } from '../../../engine';
import { isDryRun } from '../../shared/descriptions/dryRun';
import { eventOf } from '../../shared/journal';
import type { Operation } from '../../shared/operation';
import { qdrantConnection } from '../../shared/qdrantConnection';
import { isSimplified } from '../../shared/simplify';
import { restoreFields } from '../descriptions/restore';
import { planOfCollection } from '../planItem';
import { restoreItem } from '../restoreItem';
import { restoreSettings, restoreTarget } from '../restoreSettings';
import { withSource } from '../restoreSource';

/** Restores a collection from a backup of ours or a snapshot made by others: one item with the report. */
export const restore: Operation = {
	description: restoreFields,
	journal: { action: 'restore', kind: 'qdrant', isDryRun },
	async execute(context, item) {
		const { logger } = context;
		const target = restoreTarget(context, item);
		const settings = restoreSettings(context, item);
		const isSimple = isSimplified(context, item);
		const connection = await qdrantConnection(context, item, settings.connection);
		if (isDryRun(context, item)) {
			return [{ json: await planOfCollection(context, item, { connection, target, settings }, isSimple) }];
		}
		// The engine asks as well, but a snapshot without a manifest is read before.
		assertCollectionConfirmed(target);
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
			const copy = report.previous === undefined ? '' : `; what was there before is now ${report.previous}`;
			eventOf(context, item).tell({ summary: `${report.points} points${copy}` });
			return [{ json: restoreItem(context, report, open, isSimple) }];
		});
	},
};

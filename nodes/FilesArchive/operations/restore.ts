import { restoreFiles } from '../../../engine';
import { forbiddenByN8n, guardedByN8n } from '../../shared/fileAccess';
import type { Operation } from '../../shared/operation';
import { progressLog } from '../../shared/progress';
import { isSimplified } from '../../shared/simplify';
import { restoreFields } from '../descriptions/restore';
import { withHeldBackup } from '../heldBackup';
import { restoreItem } from '../restoreItem';
import { restoreSettings } from '../restoreSettings';

/** Restores a backup, or a part of one, into a folder: one item with the report. */
export const restore: Operation = {
	description: restoreFields,
	async execute(context, item) {
		const { logger, helpers } = context;
		const begun = performance.now();
		const { path, folder, existing, choices, owners } = restoreSettings(context, item);
		const isSimple = isSimplified(context, item);
		const root = await guardedByN8n(helpers).allowedFolder(path);
		const progress = progressLog((line) => logger.info(`Files Archive: ${line}`));
		const signal = context.getExecutionCancelSignal();
		return await withHeldBackup(context, item, folder, async ({ reader, place: { storage, keys, remark } }) => {
			const restored = await restoreFiles({
				reader,
				storage,
				keys,
				root,
				choices,
				existing,
				confirmation: root,
				owners,
				forbidden: forbiddenByN8n(helpers),
				...(signal && { signal }),
				onProgress: ({ bytes, totalBytes }) => progress(`restoring into ${path}`, bytes, totalBytes),
			});
			const { manifest } = reader;
			logger.info(`Files Archive: restored ${manifest.file}`, { folder: path, entries: restored.written });
			const duration = Math.round(performance.now() - begun);
			return [{ json: restoreItem(context, { folder: path, restored, manifest, duration, remark }, isSimple) }];
		});
	},
};

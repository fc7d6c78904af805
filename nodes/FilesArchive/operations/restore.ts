import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import { restoreFiles, type RestoredTree, restoreTar } from '../../../engine';
import { forbiddenByN8n, guardedByN8n } from '../../shared/fileAccess';
import type { Operation } from '../../shared/operation';
import { isSimplified } from '../../shared/simplify';
import { withHeldBackup } from '../../shared/tree/heldBackup';
import { restoredItem, type RestoredFrom } from '../../shared/tree/restoredItem';
import { WANTED } from '../backupContent';
import { restoreFields } from '../descriptions/restore';
import { isForeignTar, withForeignTar } from '../foreignTar';
import { restoreSettings } from '../restoreSettings';

/** What was restored, and from what. */
interface Restored {
	from: RestoredFrom;
	restored: RestoredTree;
	/** What there is to say of how the backup was chosen. */
	remark?: string | undefined;
	warnings?: readonly string[];
}

/** Restores a backup or a tar, or a part of one, into a folder: one item with the report. */
export const restore: Operation = {
	description: restoreFields,
	journal: { action: 'restore', kind: 'files' },
	async execute(context, item) {
		const begun = performance.now();
		const settings = restoreSettings(context, item);
		const isSimple = isSimplified(context, item);
		const root = await guardedByN8n(context.helpers).allowedFolder(settings.path);
		const done = await restoredInto(context, item, settings, root);
		const { from, restored, remark, warnings = [] } = done;
		context.logger.info(`Files Archive: restored ${from.file}`, { folder: settings.path, entries: restored.written });
		const duration = Math.round(performance.now() - begun);
		const into = { folder: settings.path };
		const json: IDataObject = restoredItem(
			context,
			{ into, entries: 'entries', restored, from, duration, remark, warnings },
			isSimple,
		);
		return [{ json }];
	},
};

async function restoredInto(
	context: IExecuteFunctions,
	item: number,
	{ folder, path: _path, ...choices }: ReturnType<typeof restoreSettings>,
	root: string,
): Promise<Restored> {
	const signal = context.getExecutionCancelSignal();
	const options = {
		...choices,
		root,
		confirmation: root,
		forbidden: forbiddenByN8n(context.helpers),
		...(signal && { signal }),
	};
	if (isForeignTar(context, item)) {
		return await withForeignTar(context, item, async (tar) => {
			const restored = await restoreTar({ ...options, tar });
			return { from: { file: tar.name }, restored, warnings: restored.warnings };
		});
	}
	const wanted = { ...WANTED, folder };
	return await withHeldBackup(context, item, wanted, async ({ reader, place: { storage, keys, remark } }) => {
		const restored = await restoreFiles({ ...options, reader, storage, keys });
		return { from: reader.manifest, restored, remark, warnings: restored.warnings };
	});
}

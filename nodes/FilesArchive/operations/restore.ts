import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import {
	type Existing,
	planFilesRestore,
	restoreFiles,
	type RestoredTree,
	restoreTar,
	type TargetFolder,
} from '../../../engine';
import { forbiddenByN8n, guardedByN8n } from '../../shared/fileAccess';
import { isDryRun } from '../../shared/descriptions/dryRun';
import { eventOf } from '../../shared/journal';
import type { Operation } from '../../shared/operation';
import { planItem, withPlannedBackup } from '../../shared/restorePlan';
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
	journal: { action: 'restore', kind: 'files', isDryRun },
	async execute(context, item) {
		const begun = performance.now();
		const settings = restoreSettings(context, item);
		const isSimple = isSimplified(context, item);
		const root = await guardedByN8n(context.helpers).allowedFolder(settings.path);
		if (isDryRun(context, item)) return [{ json: await plannedInto(context, item, settings, root) }];
		const done = await restoredInto(context, item, settings, root);
		const { from, restored, remark, warnings = [] } = done;
		eventOf(context, item).tell({ summary: `${restored.written} entries written, ${restored.same} were the same` });
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

async function plannedInto(
	context: IExecuteFunctions,
	item: number,
	{ path, folder, ...choices }: ReturnType<typeof restoreSettings>,
	root: string,
): Promise<IDataObject> {
	const signal = context.getExecutionCancelSignal();
	const isSimple = isSimplified(context, item);
	return await withPlannedBackup(context, item, { ...WANTED, folder }, async (backup) => {
		const { storage, keys } = backup.place;
		const forbidden = forbiddenByN8n(context.helpers);
		const into = { ...choices, root, confirmation: root, forbidden, ...(signal && { signal }) };
		const plan = await planFilesRestore({ ...into, open: backup.open, storage, keys });
		const { target, restored, problems, warnings } = plan;
		const planned = {
			into: `folder ${path}`,
			replaces: replacedBy(choices.existing, target),
			target: target ? { folder: path, ...target } : null,
			restores: restored ? { entries: restored.entries, bytes: restored.bytes } : null,
			problems,
			warnings,
		};
		return await planItem(context, item, backup, planned, isSimple);
	});
}

function replacedBy(existing: Existing, found: TargetFolder | undefined): string {
	if (!found) return 'unknown';
	if (!found.exists) return 'nothing: it does not exist';
	if (found.entries === 0) return 'nothing: it is empty';
	return existing === 'overwrite' ? 'files that differ from the backup' : 'nothing: what is there stays as it is';
}

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

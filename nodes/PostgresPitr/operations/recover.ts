import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import {
	previewRecovery,
	recoverCluster,
	recoveryTargetText,
	type RecoverInto,
	type RecoveryPlan,
} from '../../../engine';
import { isDryRun, refusesAsRun } from '../../shared/descriptions/dryRun';
import { decryptionKeys } from '../../shared/encryption';
import { guardedByN8n } from '../../shared/fileAccess';
import { eventOf } from '../../shared/journal';
import type { Operation } from '../../shared/operation';
import { whileVisible } from '../../shared/runControl';
import { isSimplified } from '../../shared/simplify';
import { openStorage } from '../../shared/storage';
import { recoverFields } from '../descriptions/recover';
import { previewItem, recoveredItem } from '../recoverItem';
import { recoverSettings, type RecoverPlace } from '../recoverSettings';

const KIND = 'postgres-base';

/** Makes a data directory that a server recovers from to a moment of the past: one item with what was used, and what comes next. */
export const recover: Operation = {
	description: recoverFields,
	journal: { action: 'restore', kind: KIND, isDryRun },
	async execute(context, item) {
		const begun = performance.now();
		const { place, recovery } = recoverSettings(context, item);
		const isSimple = isSimplified(context, item);
		const into = await allowedPlace(context, place);
		const keys = await decryptionKeys(context, item);
		const signal = context.getExecutionCancelSignal();
		const options = { ...recovery, into, keys, signal };
		const storage = await openStorage(context, item);
		if (isDryRun(context, item))
			return [{ json: await previewed(context, item, { ...options, storage }, place, isSimple) }];
		const { target, cluster = '' } = recovery;
		const about = { action: 'restore', kind: KIND, name: cluster } as const;
		const recovered = await whileVisible(context, item, storage, about, async (visible) => {
			return await recoverCluster({ ...options, storage: visible });
		});
		noteRecovered(context, item, recovered.plan);
		const duration = Math.round(performance.now() - begun);
		return [{ json: recoveredItem(context, recovered, { place, target, duration }, isSimple) }];
	},
};

/** Links followed. @throws BackupError INVALID_INPUT, STORAGE_DENIED */
async function allowedPlace(context: IExecuteFunctions, { type, path }: RecoverPlace): Promise<RecoverInto> {
	const allowed = await guardedByN8n(context.helpers).allowedFolder(path);
	return type === 'tar' ? { type, file: allowed } : { type, folder: allowed };
}

function noteRecovered(context: IExecuteFunctions, item: number, plan: RecoveryPlan): void {
	const newest = plan.bases.at(-1)!;
	const event = eventOf(context, item);
	event.reads(newest.manifest, newest.key);
	event.tell({ name: plan.name, summary: `recovers to ${recoveryTargetText(plan.target)}` });
	context.logger.info(`Postgres PITR: a data directory to recover ${plan.name} from was made`);
}

async function previewed(
	context: IExecuteFunctions,
	item: number,
	options: Parameters<typeof previewRecovery>[0],
	place: RecoverPlace,
	isSimple: boolean,
): Promise<IDataObject> {
	const preview = await previewRecovery(options);
	const [problem] = preview.problems;
	if (problem && refusesAsRun(context, item)) throw problem;
	return previewItem(context, preview, { place, target: options.target }, isSimple);
}

import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import { planBucketRestore, type PlanBucketOptions } from '../../engine';
import { planItem, type PlannedBackup } from '../shared/restorePlan';

/** What a restore into a bucket would do. */
export async function planOfBucket(
	context: IExecuteFunctions,
	item: number,
	backup: PlannedBackup,
	asked: Omit<PlanBucketOptions, 'open' | 'storage' | 'keys'>,
	isSimple: boolean,
): Promise<IDataObject> {
	const { storage, keys } = backup.place;
	const plan = await planBucketRestore({ ...asked, storage, keys, open: backup.open });
	const { target, restored, problems, warnings } = plan;
	const planned = {
		into: `bucket ${asked.bucket}`,
		replaces: replacedBy(asked.existing, plan),
		target: target ? { bucket: asked.bucket, ...target } : null,
		restores: restored ? { objects: restored.entries, bytes: restored.bytes } : null,
		problems,
		warnings,
	};
	return await planItem(context, item, backup, planned, isSimple);
}

function replacedBy(
	existing: PlanBucketOptions['existing'],
	{ target }: Awaited<ReturnType<typeof planBucketRestore>>,
): string {
	if (!target) return 'unknown';
	if (!target.exists) return 'nothing: it does not exist';
	const objects = `${target.isMore ? 'more than ' : ''}${target.objects} objects`;
	if (existing === 'overwrite') return `of ${objects}, those that differ from the backup`;
	return `nothing: ${objects} stay as they are`;
}

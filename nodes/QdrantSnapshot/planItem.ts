import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import {
	archiveSource,
	planCollectionRestore,
	type QdrantConnection,
	type RestoreCollectionTarget,
	type TargetCollection,
} from '../../engine';
import { refusesAsRun } from '../shared/descriptions/dryRun';
import { planItem, withPlannedBackup } from '../shared/restorePlan';

import { OWN_KINDS } from './backupContent';
import type { RestoreSettings } from './restoreSettings';

interface CollectionRestore {
	connection: QdrantConnection;
	target: RestoreCollectionTarget;
	settings: RestoreSettings;
}

/** What a restore would do. */
export async function planOfCollection(
	context: IExecuteFunctions,
	item: number,
	{ connection, target: given, settings: { folder, snapshotVersion } }: CollectionRestore,
	isSimple: boolean,
): Promise<IDataObject> {
	// Whoever only asks need not confirm anything.
	const isConfirmed = given.type === 'newCollection' || refusesAsRun(context, item);
	const target = isConfirmed ? given : { ...given, confirmation: given.collection };
	const wanted = { kinds: OWN_KINDS, folder, hint: 'Choose a backup of a Qdrant collection.' };
	return await withPlannedBackup(context, item, wanted, async (backup) => {
		const plan = await planCollectionRestore({
			connection,
			target,
			open: async () => archiveSource(await backup.open()),
			snapshotVersion,
			signal: context.getExecutionCancelSignal(),
		});
		const planned = {
			into: `collection ${target.collection}`,
			replaces: replacedBy(plan.target),
			target: plan.target ? { collection: target.collection, ...plan.target } : null,
			problems: plan.problems,
			warnings: [],
		};
		return await planItem(context, item, backup, planned, isSimple);
	});
}

function replacedBy(found: TargetCollection | undefined): string {
	if (!found) return 'unknown';
	if (!found.exists) return 'nothing: it does not exist';
	const points = `${found.points} points`;
	return found.behind === undefined ? points : `${points} of ${found.behind}, which the alias leads to`;
}

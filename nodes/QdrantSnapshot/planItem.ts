import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import {
	aliasesAt,
	archiveSource,
	type Manifest,
	planCollectionRestore,
	type QdrantConnection,
	type RestoreCollectionTarget,
	type TargetCollection,
} from '../../engine';
import { refusesAsRun } from '../shared/descriptions/dryRun';
import { planItem, withPlannedBackup } from '../shared/restorePlan';

import { wantedCollection } from './backupContent';
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
	return await withPlannedBackup(context, item, wantedCollection(folder), async (backup) => {
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
			warnings: ofOldData(backup.manifest, target, plan.target),
		};
		return await planItem(context, item, backup, planned, isSimple);
	});
}

/** After a safe swap by an alias, the data that clients see has another name, and its backups too. */
function ofOldData(
	manifest: Manifest,
	{ type, collection }: RestoreCollectionTarget,
	found: TargetCollection | undefined,
): string[] {
	const behind = found?.behind;
	if (type !== 'safeSwap' || behind === undefined || behind === manifest.name) return [];
	if (aliasesAt({ manifest }).includes(collection)) return [];
	return [
		`The alias ${collection} leads to ${behind}, and this is a backup of ${manifest.name}. Give ${collection} in Backup, at Latest, for the newest backup of what it has led to.`,
	];
}

function replacedBy(found: TargetCollection | undefined): string {
	if (!found) return 'unknown';
	if (!found.exists) return 'nothing: it does not exist';
	const points = `${found.points} points`;
	return found.behind === undefined ? points : `${points} of ${found.behind}, which the alias leads to`;
}

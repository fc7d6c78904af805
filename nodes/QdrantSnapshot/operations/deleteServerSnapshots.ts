import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import { BackupError, deleteServerSnapshot, listServerSnapshots } from '../../../engine';
import { collectionOf } from '../../shared/fields';
import { eventOf } from '../../shared/journal';
import type { Operation } from '../../shared/operation';
import { qdrantConnection } from '../../shared/qdrantConnection';
import { deleteServerSnapshotsFields } from '../descriptions/deleteServerSnapshots';
import { type MeantSnapshot, meantSnapshot } from '../meantSnapshot';
import { describeSnapshot } from '../serverSnapshotItem';

/** What each run of a node has deleted, by how its fields name it. */
const deletedBy = new WeakMap<IExecuteFunctions, Map<string, IDataObject>>();

/**
 * Deletes a snapshot from the server's disk. It is looked for first, so that the API key goes only to servers that the
 * credential and the cluster name, and that nothing is deleted that the fields do not tell from others. Where several
 * incoming items mean one snapshot, it is deleted for the first of them, and reported for all.
 */
export const deleteServerSnapshots: Operation = {
	description: deleteServerSnapshotsFields,
	journal: { action: 'delete', kind: 'qdrant' },
	async execute(context, item) {
		const meant = meantSnapshot(context, item);
		eventOf(context, item).tell({ place: `snapshot ${meant.description}` });
		const deleted = deletedBy.get(context) ?? new Map<string, IDataObject>();
		deletedBy.set(context, deleted);
		const json = deleted.get(meant.description) ?? (await deleteMeant(context, item, meant));
		deleted.set(meant.description, json);
		return [{ json: { ...json } }];
	},
};

async function deleteMeant(context: IExecuteFunctions, item: number, meant: MeantSnapshot): Promise<IDataObject> {
	const connection = await qdrantConnection(context, item, collectionOf(context, 'options', item, 'Options'));
	const signal = context.getExecutionCancelSignal();
	const away: string[] = [];
	const listed = await listServerSnapshots(connection, meant.collections, signal, (warning) => void away.push(warning));
	const found = listed.filter(meant.is);
	const [snapshot, ...others] = found;
	if (!snapshot) throw missing(meant, away);
	if (others.length > 0) {
		const servers = found.map((one) => one.server).join(', ');
		throw new BackupError('INVALID_INPUT', `Several peers hold a snapshot ${meant.description}: ${servers}.`, {
			hint: 'Name the server as well; nothing was deleted.',
		});
	}
	await deleteServerSnapshot(connection, snapshot, signal);
	return { ...describeSnapshot(snapshot), deleted: true };
}

/** @param away What is to be said of peers that could not be asked */
function missing({ description }: MeantSnapshot, away: string[]): BackupError {
	if (away.length === 0) {
		return new BackupError('INVALID_INPUT', `There is no snapshot ${description}; nothing was deleted.`, {
			hint: 'List Server Snapshots tells what there is.',
		});
	}
	const message = `There is no snapshot ${description} on the peers that can be reached; nothing was deleted.`;
	return new BackupError('INVALID_INPUT', message, {
		hint: `${away.join(' ')} Start it, or name its address in Peer URLs.`,
	});
}

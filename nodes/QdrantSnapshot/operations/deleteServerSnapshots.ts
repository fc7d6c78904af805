import { BackupError, deleteServerSnapshot, listServerSnapshots } from '../../../engine';
import { collectionOf } from '../../shared/fields';
import type { Operation } from '../../shared/operation';
import { qdrantConnection } from '../../shared/qdrantConnection';
import { deleteServerSnapshotsFields } from '../descriptions/deleteServerSnapshots';
import { meantSnapshot } from '../meantSnapshot';
import { describeSnapshot } from '../serverSnapshotItem';

/**
 * Deletes a snapshot from the server's disk. It is looked for first, so that the API key goes only to servers that the
 * credential and the cluster name, and that nothing is deleted that the fields do not tell from others.
 */
export const deleteServerSnapshots: Operation = {
	description: deleteServerSnapshotsFields,
	async execute(context, item) {
		const meant = meantSnapshot(context, item);
		const connection = await qdrantConnection(context, item, collectionOf(context, 'options', item, 'Options'));
		const signal = context.getExecutionCancelSignal();
		const found = (await listServerSnapshots(connection, meant.collections, signal)).filter(meant.is);
		const [snapshot, ...others] = found;
		if (!snapshot) {
			throw new BackupError('INVALID_INPUT', `There is no snapshot ${meant.told}; nothing was deleted.`, {
				hint: 'List Server Snapshots tells what there is.',
			});
		}
		if (others.length > 0) {
			const servers = found.map((one) => one.server).join(', ');
			throw new BackupError('INVALID_INPUT', `Several peers hold a snapshot ${meant.told}: ${servers}.`, {
				hint: 'Name the server as well; nothing was deleted.',
			});
		}
		await deleteServerSnapshot(connection, snapshot, signal);
		return [{ json: { ...describeSnapshot(snapshot), deleted: true } }];
	},
};

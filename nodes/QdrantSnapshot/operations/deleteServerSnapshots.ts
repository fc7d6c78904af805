import type { IExecuteFunctions, INodeProperties } from 'n8n-workflow';

import { BackupError, deleteServerSnapshot, listServerSnapshots } from '../../../engine';
import { connectionOptions } from '../../shared/descriptions/qdrantConnection';
import { collectionOf, textOf } from '../../shared/fields';
import { type Operation, shownFor } from '../../shared/operation';
import { qdrantConnection } from '../../shared/qdrantConnection';
import { describeSnapshot } from '../serverSnapshotItem';

const shown = shownFor(['deleteServerSnapshots']);

const fields: INodeProperties[] = [
	{
		displayName: 'Snapshot Name',
		name: 'snapshotName',
		type: 'string',
		required: true,
		default: '={{ $json.name }}',
		description: 'Of the snapshot to delete for good, as List Server Snapshots put it out',
		displayOptions: shown,
	},
	{
		displayName: 'Collection',
		name: 'snapshotCollection',
		type: 'string',
		default: '={{ $json.collection }}',
		description: 'Whose snapshot it is; empty for one of the whole storage',
		displayOptions: shown,
	},
	{
		displayName: 'Shard',
		name: 'snapshotShard',
		type: 'string',
		default: '={{ $json.shard }}',
		description: 'Number of the shard, where it is the snapshot of a single one; empty otherwise',
		displayOptions: shown,
	},
	{
		displayName: 'Server',
		name: 'snapshotServer',
		type: 'string',
		default: '={{ $json.server }}',
		description: 'Address of the peer that holds it, as List Server Snapshots puts it out; empty where only one does',
		displayOptions: shown,
	},
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add Option',
		default: {},
		displayOptions: shown,
		options: connectionOptions,
	},
];

/** What a field holds as text; undefined where it is empty, as the expressions of the defaults may leave it. */
function given(context: IExecuteFunctions, item: number, field: string, label: string): string | undefined {
	return textOf(context.getNodeParameter(field, item), label).trim() || undefined;
}

/**
 * Deletes a snapshot from the server's disk. It is looked for first, so that the API key goes only to servers that the
 * credential and the cluster name, and that nothing is deleted that the fields do not tell from others.
 */
export const deleteServerSnapshots: Operation = {
	description: fields,
	async execute(context, item) {
		const name = given(context, item, 'snapshotName', 'Snapshot Name');
		const collection = given(context, item, 'snapshotCollection', 'Collection');
		const shard = given(context, item, 'snapshotShard', 'Shard');
		const server = given(context, item, 'snapshotServer', 'Server');
		if (name === undefined) {
			throw new BackupError('INVALID_INPUT', 'No snapshot is named.', { hint: 'Fill in Snapshot Name.' });
		}
		const connection = await qdrantConnection(context, item, collectionOf(context, 'options', item, 'Options'));
		const signal = context.getExecutionCancelSignal();
		const all = await listServerSnapshots(connection, collection === undefined ? undefined : [collection], signal);
		const found = all.filter(
			(snapshot) =>
				snapshot.name === name &&
				snapshot.collection === collection &&
				String(snapshot.shard ?? '') === (shard ?? '') &&
				(server === undefined || snapshot.server === server),
		);
		const [snapshot, ...others] = found;
		const scope = collection === undefined ? 'the whole storage' : `the collection ${collection}`;
		const whose = shard === undefined ? scope : `shard ${shard} of ${scope}`;
		if (!snapshot) {
			throw new BackupError(
				'INVALID_INPUT',
				`There is no snapshot ${name} of ${whose} on ${server ?? 'the server'}; nothing was deleted.`,
				{ hint: 'List Server Snapshots tells what there is.' },
			);
		}
		if (others.length > 0) {
			const servers = found.map((one) => one.server).join(', ');
			throw new BackupError('INVALID_INPUT', `Several peers hold a snapshot ${name} of ${whose}: ${servers}.`, {
				hint: 'Fill in Server; nothing was deleted.',
			});
		}
		await deleteServerSnapshot(connection, snapshot, signal);
		return [{ json: { ...describeSnapshot(snapshot), deleted: true } }];
	},
};

import type { INodeProperties } from 'n8n-workflow';

import { BackupError, deleteServerSnapshot, listServerSnapshots } from '../../../engine';
import { collectionOf, textOf } from '../../shared/fields';
import { type Operation, shownFor } from '../../shared/operation';
import { qdrantConnection } from '../../shared/qdrantConnection';
import { connectionOptions } from '../descriptions/connection';
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
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add Option',
		default: {},
		displayOptions: shown,
		options: connectionOptions,
	},
];

/**
 * Deletes a snapshot from the server's disk: one item for each that was deleted. It is looked for first, so that the API
 * key goes only to servers that the credential and the cluster name.
 */
export const deleteServerSnapshots: Operation = {
	description: fields,
	async execute(context, item) {
		// The expressions of the defaults may give null: a snapshot of the whole storage has no collection.
		const text = (field: string, label: string) => textOf(context.getNodeParameter(field, item), label).trim();
		const name = text('snapshotName', 'Snapshot Name');
		const collection = text('snapshotCollection', 'Collection') || undefined;
		if (name === '') {
			throw new BackupError('INVALID_INPUT', 'No snapshot is named.', { hint: 'Fill in Snapshot Name.' });
		}
		const connection = await qdrantConnection(context, item, collectionOf(context, 'options', item, 'Options'));
		const signal = context.getExecutionCancelSignal();
		const all = await listServerSnapshots(connection, collection === undefined ? undefined : [collection], signal);
		const found = all.filter((snapshot) => snapshot.name === name && snapshot.collection === collection);
		if (found.length === 0) {
			const whose = collection === undefined ? 'the whole storage' : `the collection ${collection}`;
			throw new BackupError('INVALID_INPUT', `There is no snapshot ${name} of ${whose} on the server.`, {
				hint: 'List Server Snapshots tells what there is.',
			});
		}
		for (const snapshot of found) await deleteServerSnapshot(connection, snapshot, signal);
		return found.map((snapshot) => ({ json: { ...describeSnapshot(snapshot), deleted: true } }));
	},
};

import type { INodeProperties } from 'n8n-workflow';

import { listServerSnapshots as findSnapshots } from '../../../engine';
import { connectionOptions } from '../../shared/descriptions/qdrantConnection';
import { collectionOf } from '../../shared/fields';
import { showWarnings } from '../../shared/hints';
import { splitList } from '../../shared/lists';
import { type Operation, shownFor } from '../../shared/operation';
import { qdrantConnection } from '../../shared/qdrantConnection';
import { describeSnapshot } from '../serverSnapshotItem';

const shown = shownFor(['listServerSnapshots']);

const fields: INodeProperties[] = [
	{
		displayName: 'Collections',
		name: 'snapshotCollections',
		type: 'multiOptions',
		typeOptions: { loadOptionsMethod: 'getCollections' },
		default: [],
		description:
			'Collections whose snapshots are listed. Without a choice, those of all collections and of the whole storage. Choose from the list, or give names by an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
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

/** Lists the snapshots on the disks of the server or of all peers of a cluster: one item for each. */
export const listServerSnapshots: Operation = {
	description: fields,
	async execute(context, item) {
		const chosen = splitList(context.getNodeParameter('snapshotCollections', item), 'Collections');
		const connection = await qdrantConnection(context, item, collectionOf(context, 'options', item, 'Options'));
		const collections = chosen.length > 0 ? chosen : undefined;
		const warnings: string[] = [];
		const signal = context.getExecutionCancelSignal();
		const snapshots = await findSnapshots(connection, collections, signal, (warning) => void warnings.push(warning));
		showWarnings(context, warnings);
		return snapshots.map((snapshot) => ({ json: describeSnapshot(snapshot) }));
	},
};

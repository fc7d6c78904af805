import type { INodeProperties } from 'n8n-workflow';

import { connectionOptions } from '../../shared/descriptions/qdrantConnection';
import { requestedByOption } from '../../shared/descriptions/requestedBy';
import { shownFor } from '../../shared/operation';

const OPERATIONS = ['deleteServerSnapshots'];

export const deleteServerSnapshotsFields: INodeProperties[] = [
	{
		displayName:
			'The snapshot is deleted from the disk of the Qdrant server for good. The collection keeps its points, and backups in your Backup Storage stay.',
		name: 'deleteNotice',
		type: 'notice',
		default: '',
		displayOptions: shownFor(OPERATIONS),
	},
	{
		displayName: 'Which Snapshot',
		name: 'whichSnapshot',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'Incoming Item',
				value: 'incoming',
				description: 'The snapshot that each incoming item tells of, such as those of List Server Snapshots',
			},
			{ name: 'One', value: 'one', description: 'From the list of what is on the server, or by its URL' },
		],
		default: 'one',
		displayOptions: shownFor(OPERATIONS),
	},
	{
		displayName: 'Snapshot',
		name: 'snapshot',
		type: 'resourceLocator',
		required: true,
		default: { mode: 'list', value: '' },
		displayOptions: shownFor(OPERATIONS, { whichSnapshot: ['one'] }),
		modes: [
			{
				displayName: 'From List',
				name: 'list',
				type: 'list',
				placeholder: 'Select a snapshot...',
				typeOptions: { searchListMethod: 'searchServerSnapshots', searchable: true },
			},
			{
				displayName: 'By URL',
				name: 'url',
				type: 'string',
				placeholder: 'e.g. http://qdrant:6333/collections/docs/snapshots/docs-1.snapshot',
				hint: 'On the server of the Qdrant credential, or on a peer of its cluster',
			},
		],
	},
	{
		displayName: 'Snapshot',
		name: 'incomingSnapshot',
		type: 'json',
		required: true,
		default: '={{ $json }}',
		description:
			'As List Server Snapshots puts it out: an object with its name, and with its collection, shard and server where it has them',
		displayOptions: shownFor(OPERATIONS, { whichSnapshot: ['incoming'] }),
	},
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add Option',
		default: {},
		displayOptions: shownFor(OPERATIONS),
		options: [...connectionOptions, requestedByOption],
	},
];

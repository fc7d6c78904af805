import type { INodeProperties } from 'n8n-workflow';

import { connectTimeoutOption } from './source';

/** Entries of Options: how to reach the server, and how long to wait for it. */
export const connectionOptions: INodeProperties[] = [
	connectTimeoutOption,
	{
		displayName: 'Idle Timeout (Seconds)',
		name: 'idleTimeout',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 86400 },
		default: 120,
		description:
			'How long a download may go without a byte before it counts as broken and is resumed. 0 waits as long as it takes.',
	},
	{
		displayName: 'Operation Timeout (Seconds)',
		name: 'operationTimeout',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 86400 },
		default: 0,
		description:
			'How long the server may take to make a snapshot, to fetch one by itself, or to count all points. 0 waits as long as it takes.',
	},
	{
		displayName: 'Peer URLs',
		name: 'peerUrls',
		type: 'string',
		default: '',
		placeholder: 'e.g. http://qdrant-1:6333, http://qdrant-2:6333',
		description:
			'Only for clusters whose peers cannot be reached by the host names that they tell each other: the HTTP addresses of all peers, separated by commas',
	},
];

import { type IExecuteFunctions, jsonParse } from 'n8n-workflow';

import { BackupError, type ServerSnapshot } from '../../engine';
import { type Fields, locatedText, textOf } from '../shared/fields';

/** Which of a server's snapshots a node is to delete, and how messages call it. */
export interface MeantSnapshot {
	/** Where it is looked for; undefined for everywhere. */
	collections: string[] | undefined;
	is: (snapshot: ServerSnapshot) => boolean;
	description: string;
}

/** The snapshot that the fields of descriptions/deleteServerSnapshots.ts name. @throws BackupError INVALID_INPUT */
export function meantSnapshot(context: IExecuteFunctions, item: number): MeantSnapshot {
	const which = context.getNodeParameter('whichSnapshot', item);
	return which === 'incoming' ? incomingSnapshot(context, item) : chosenSnapshot(context, item);
}

function chosenSnapshot(context: IExecuteFunctions, item: number): MeantSnapshot {
	const url = locatedText(context, 'snapshot', item, 'Snapshot').trim();
	if (url !== '') return { collections: undefined, is: (snapshot) => snapshot.url === url, description: url };
	throw new BackupError('INVALID_INPUT', 'No snapshot is chosen.', { hint: 'Fill in Snapshot.' });
}

function incomingSnapshot(context: IExecuteFunctions, item: number): MeantSnapshot {
	const fields = objectOf(context.getNodeParameter('incomingSnapshot', item));
	const given = (field: string) => textOf(fields[field], `The ${field} of the snapshot`).trim();
	const [name, collection, shard, server] = [given('name'), given('collection'), given('shard'), given('server')];
	if (name === '') {
		throw new BackupError('INVALID_INPUT', 'The incoming item tells of no snapshot.', {
			hint: 'Put List Server Snapshots before this node, give an object with a name in Snapshot, or set Which Snapshot to One.',
		});
	}
	const scope = collection === '' ? 'the whole storage' : `the collection ${collection}`;
	const whose = shard === '' ? scope : `shard ${shard} of ${scope}`;
	return {
		collections: collection === '' ? undefined : [collection],
		is: (snapshot) =>
			snapshot.name === name &&
			(snapshot.collection ?? '') === collection &&
			String(snapshot.shard ?? '') === shard &&
			(server === '' || snapshot.server === server),
		description: `${name} of ${whose} on ${server || 'the server'}`,
	};
}

/** An object, or the text of one: an expression may give either. */
function objectOf(value: unknown): Fields {
	const parsed = typeof value === 'string' ? jsonParse<unknown>(value, { fallbackValue: null }) : value;
	if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Fields;
	throw new BackupError('INVALID_INPUT', 'Snapshot is not an object that tells of a snapshot.', {
		hint: 'Such as { "name": "docs-1.snapshot", "collection": "docs" }, as List Server Snapshots puts it out.',
	});
}

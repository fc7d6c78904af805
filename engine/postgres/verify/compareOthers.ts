import type { Client } from 'pg';

import { throwIfCancelled } from '../../errors';
import type { CheckContext } from '../../verify/types';
import { BATCH, contentQuery } from '../dump/largeObjects';
import { RowDigest } from './digest';
import { digestQuery } from './restoredRows';
import type { TappedSource } from './tappedSource';

const HINT = 'Restore it into a database of its own and look what is different.';

/** Compares the positions of sequences. @returns how many were compared */
export async function compareSequences(
	client: Client,
	{ sequences }: TappedSource,
	{ signal, found }: CheckContext,
): Promise<number> {
	for (const { literal, last, called } of sequences.values()) {
		throwIfCancelled(signal);
		const { rows: names } = await client.query<{ name: string | null }>(
			`SELECT pg_catalog.to_regclass(${literal})::text AS name`,
		);
		const name = names[0]?.name ?? undefined;
		const { rows } =
			name === undefined
				? { rows: [] }
				: await client.query<{ last: string; called: boolean }>(
						`SELECT last_value::text AS last, is_called AS called FROM ${name}`,
					);
		const [position] = rows;
		if (position?.last === last && position.called === called) continue;
		found({
			severity: 'error',
			part: name ?? literal,
			message: position
				? `The sequence stands at ${position.last} after the restore; the backup has ${last}.`
				: 'The sequence is not in the restored database.',
			hint: HINT,
		});
	}
	return sequences.size;
}

/** Compares large objects by their number and, where the source is an archive of ours, by their contents. @returns their number */
export async function compareLargeObjects(
	client: Client,
	{ largeObjects, largeObjectCount }: TappedSource,
	{ signal, found }: CheckContext,
): Promise<number> {
	const { rows } = await client.query<{ oid: number }>('SELECT oid FROM pg_catalog.pg_largeobject_metadata');
	if (rows.length !== largeObjectCount) {
		found({
			severity: 'error',
			message: `There are ${rows.length} large objects after the restore; the backup has ${largeObjectCount}.`,
			hint: HINT,
		});
		return rows.length;
	}
	if (largeObjects.rows === 0) return rows.length;
	const restored = new RowDigest();
	for (let from = 0; from < rows.length; from += BATCH) {
		throwIfCancelled(signal);
		const ids = rows.slice(from, from + BATCH).map(({ oid }) => oid);
		await digestQuery(client, contentQuery(ids), restored);
	}
	if (restored.equals(largeObjects)) return rows.length;
	found({
		severity: 'error',
		message: 'The large objects hold something else after the restore than in the backup.',
		hint: HINT,
	});
	return rows.length;
}

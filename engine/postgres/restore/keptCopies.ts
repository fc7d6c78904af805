import type { Client } from 'pg';

import { BackupError } from '../../errors';

import { suffixedName } from './databases';

/** As safe swaps name what was there before: see restoreAndSwap. */
const SUFFIX = /_before_\d{8}_\d{6}(?:_\d+)?$/;

/** Names in one message. */
const NAMES = 5;

/** The databases that safe swaps of this one have kept, newest first. */
export async function keptCopies(client: Client, database: string): Promise<string[]> {
	const { rows } = await client.query<{ name: string }>(
		String.raw`SELECT datname::text AS name FROM pg_catalog.pg_database WHERE datname LIKE '%\_before\_%'`,
	);
	const suffixes = new Map(rows.map(({ name }) => [name, SUFFIX.exec(name)?.[0]]));
	return [...suffixes]
		.filter(([name, suffix]) => suffix !== undefined && name === suffixedName(database, suffix))
		.sort(([, a = ''], [, b = '']) => (a < b ? 1 : -1))
		.map(([name]) => name);
}

/**
 * Each safe swap keeps one more copy of the database, until a person drops it. None is dropped for that: the oldest may be
 * the only one that is as it should be.
 * @throws BackupError TARGET_EXISTS where there are as many already as there may be
 */
export async function checkKeptCopies(client: Client, database: string, most: number): Promise<void> {
	const copies = await keptCopies(client, database);
	if (copies.length < most) return;
	const shown = copies.length > NAMES ? [...copies.slice(0, NAMES), `${copies.length - NAMES} more`] : copies;
	throw new BackupError(
		'TARGET_EXISTS',
		`Earlier restores have kept ${copies.length} copies of "${database}" (${shown.join(', ')}), and ${most} is the limit; nothing was changed.`,
		{
			hint: 'Drop the copies that you no longer need, or raise Kept Copies.',
			details: { keptCopies: copies },
		},
	);
}

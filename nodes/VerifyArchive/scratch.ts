import type { IExecuteFunctions } from 'n8n-workflow';

import { BackupError, type ManifestSummary, type ScratchTargets } from '../../engine';
import { collectionOf, type Fields, numberOf, textOf } from '../shared/fields';
import { connectTimeoutIn, withPostgres } from '../shared/postgresConnection';
import { qdrantConnection } from '../shared/qdrantConnection';

import { oneOf } from './choice';

const MB = 1_000_000;

/** What must be true in restored databases; without a database in all of them. */
export interface Assertion {
	database: string;
	sql: string;
}

/** The fields of descriptions/scratch.ts. */
export interface ScratchSettings {
	/** Bytes; undefined where a server is taken. */
	maxRawBytes: number | undefined;
	hasQdrant: boolean;
	assertions: Assertion[];
}

/** Where test restores go. */
export interface Scratch {
	/** @param manifest undefined for a file that others made, whose database has no name */
	targetsFor(manifest: ManifestSummary | undefined): ScratchTargets;
	/** Of the databases that assertions name, those of which no backup came up. */
	unasked(): string[];
}

/** @throws BackupError INVALID_INPUT */
export function scratchSettings(context: IExecuteFunctions, item: number): ScratchSettings {
	const postgres = oneOf(context.getNodeParameter('postgresTarget', item), ['inProcess', 'server'], 'PostgreSQL Into');
	const qdrant = oneOf(context.getNodeParameter('qdrantTarget', item), ['none', 'server'], 'Qdrant Into');
	return {
		maxRawBytes: postgres === 'inProcess' ? maxSize(context, item) : undefined,
		hasQdrant: qdrant === 'server',
		assertions: assertionsOf(context, item),
	};
}

function maxSize(context: IExecuteFunctions, item: number): number {
	return MB * numberOf(context.getNodeParameter('maxSize', item), 'Max Size (MB)', { min: 1, max: 100_000 });
}

function assertionsOf(context: IExecuteFunctions, item: number): Assertion[] {
	const { assertion = [] } = collectionOf(context, 'assertions', item, 'SQL Assertions');
	const list: unknown[] = Array.isArray(assertion) ? assertion : [assertion];
	return list.map((one, index) => {
		const { database, sql } = (one ?? {}) as Fields;
		const text = textOf(sql, `SQL of assertion ${index + 1}`).trim();
		if (text !== '') return { database: textOf(database, `Database of assertion ${index + 1}`).trim(), sql: text };
		throw new BackupError('INVALID_INPUT', `Assertion ${index + 1} is empty.`, {
			hint: 'Fill in its SQL, or take it out of SQL Assertions.',
		});
	});
}

/** Runs `use` with the places that the fields and the credentials name; nothing is connected yet, except an SSH tunnel. */
export async function withScratch<T>(
	context: IExecuteFunctions,
	item: number,
	settings: ScratchSettings,
	connection: Fields,
	use: (scratch: Scratch) => Promise<T>,
): Promise<T> {
	const { maxRawBytes, hasQdrant, assertions } = settings;
	const qdrant = hasQdrant ? { connection: await qdrantConnection(context, item, connection) } : undefined;
	const inQdrant = qdrant && { qdrant };
	if (maxRawBytes !== undefined) {
		return await use(scratchOf({ postgres: { type: 'inProcess', maxRawBytes }, ...inQdrant }, assertions));
	}
	const connectTimeout = connectTimeoutIn(connection);
	return await withPostgres(context, item, { connectTimeout }, async (server) => {
		return await use(scratchOf({ postgres: { type: 'server', connection: server }, ...inQdrant }, assertions));
	});
}

function scratchOf(targets: ScratchTargets, assertions: Assertion[]): Scratch {
	const asked = new Set<string>();
	return {
		targetsFor(manifest) {
			if (manifest && manifest.kind !== 'postgres') return targets;
			const name = manifest?.name;
			if (name !== undefined) asked.add(name);
			const own = assertions.filter(({ database }) => database === '' || database === name);
			return { ...targets, assertions: own.map(({ sql }) => sql) };
		},
		unasked: () => [...new Set(assertions.map(({ database }) => database))].filter((name) => name && !asked.has(name)),
	};
}

/** The warnings for assertions that were made of nothing: a name that was mistyped must not look like one that holds. */
export function unaskedWarnings(scratch: Scratch | undefined): string[] {
	const names = scratch?.unasked() ?? [];
	return names.map(
		(name) => `The assertions for ${name} were not run: no backup of a database of that name was restored.`,
	);
}

/**
 * How bytes move through the comparison: the rows of the archive were digested while the restore loaded them (tappedSource.ts).
 * Now table after table is read from the restored database by COPY TO STDOUT and digested chunk by chunk; nothing of it is
 * kept. Only where two digests differ are the rows of that table read from the archive once more, to compare by value (shadows.ts).
 */
import type { Client } from 'pg';

import { BackupError, throwIfCancelled } from '../../errors';
import type { CheckContext } from '../../verify/types';
import { translateError } from '../connection';
import type { SourceFacts } from '../restore';
import { findRelations, PartitionedTables, type TargetRelation } from '../relations';
import { compareLargeObjects, compareSequences } from './compareOthers';
import { digestRows, prepareReading, type RestoredRows, rowsOf, type SourceSession } from './restoredRows';
import { type UnlikeTable, unlikeByValue } from './shadows';
import type { SourceRows, TappedSource } from './tappedSource';

const HINT =
	'Restore it into a database of its own and look: either something in the dump changes rows while they are loaded (a function in a constraint, an extension), or it does not hold what it should.';

const NOT_ALLOWED = '42501';

/** What a test restore is compared with. */
export interface Expected {
	/** The source as the restore read it. */
	source: TappedSource;
	facts: SourceFacts;
	session: SourceSession;
}

/**
 * Compares a restored database with its source: each table's rows as a set, positions of sequences, large objects.
 * @param client logged in to the restored database; left with other settings
 * @throws BackupError TARGET_UNREACHABLE, TARGET_FAILED, CANCELLED, those of the source
 */
export async function compareRestored(
	client: Client,
	expected: Expected,
	context: CheckContext,
): Promise<Record<string, number>> {
	try {
		await prepareReading(client, expected.session);
		const tables = await new TableComparison(client, expected, context).run();
		const sequences = await compareSequences(client, expected.source, context);
		const largeObjects = await compareLargeObjects(client, expected.source, context);
		return { ...tables, ...(sequences > 0 && { sequences }), ...(largeObjects > 0 && { largeObjects }) };
	} catch (error) {
		throwIfCancelled(context.signal);
		const { code, message, hint } = translateError(error, 'target', 'Could not compare what was restored');
		// The cause is left out: it comes from a query of this comparison and says nothing about the backup.
		throw new BackupError(code, message, { hint });
	}
}

class TableComparison {
	readonly #unlike: UnlikeTable[] = [];
	#rows = 0;

	constructor(
		readonly client: Client,
		readonly expected: Expected,
		readonly context: CheckContext,
	) {}

	async run(): Promise<{ tables: number; rows: number }> {
		const { source, facts } = this.expected;
		const keys = new Set([...source.tables.keys(), ...(facts.expectedRows?.keys() ?? [])]);
		const relations = new Map((await findRelations(this.client, keys)).map((found) => [found.key, found]));
		const holders = await this.#holdersOf([...relations.values()].filter(({ kind }) => kind === 'p'));
		const inRoots = new Set([...holders].flatMap(([key, found]) => (source.tables.has(key) ? found : [])).map(keyOf));
		const filters = await extensionFilters(this.client);
		let tables = 0;
		for (const key of keys) {
			throwIfCancelled(this.context.signal);
			if (inRoots.has(key)) continue;
			tables++;
			const relation = relations.get(key);
			if (!relation) this.#error(key, 'It is not in the restored database.');
			else {
				const filter = filters.get(relation.oid);
				await this.#compare({ relation, holders: holders.get(key) ?? [relation], filter });
			}
		}
		await this.#compareByValue();
		return { tables, rows: this.#rows };
	}

	/**
	 * For each partitioned table, the partitions whose rows the source loads through it. Partitions that the source loads by
	 * themselves, also of the same table, are compared by themselves.
	 */
	async #holdersOf(roots: TargetRelation[]): Promise<Map<string, TargetRelation[]>> {
		if (roots.length === 0) return new Map();
		const { tables } = this.expected.source;
		const partitioned = await PartitionedTables.of(this.client);
		return new Map(
			roots.map((root) => {
				const leaves = partitioned.leaves(root).filter(({ kind }) => kind === 'r');
				return [root.key, tables.has(root.key) ? leaves.filter(({ key }) => !tables.has(key)) : leaves];
			}),
		);
	}

	async #compare(rows: RestoredRows): Promise<void> {
		const { source, facts } = this.expected;
		const { key } = rows.relation;
		const expected = source.tables.get(key);
		try {
			if (expected) await this.#compareRows(rows, expected);
			else this.#compareCount(key, await this.#count(rows), facts.expectedRows?.get(key));
		} catch (error) {
			if ((error as { code?: string }).code !== NOT_ALLOWED) throw error;
			this.context.found({
				severity: 'inconclusive',
				part: nameOf(key),
				message: 'The user may not read the restored rows, so they could not be compared.',
				hint: 'Use a credential of a superuser or of a role with BYPASSRLS for the scratch server.',
			});
		}
	}

	async #compareRows(rows: RestoredRows, { columns, digest, mixed }: SourceRows): Promise<void> {
		const found = await digestRows(this.client, rows, columns);
		if (!this.#compareCount(rows.relation.key, found.rows, digest.rows)) return;
		if (mixed || !found.equals(digest)) this.#unlike.push({ ...rows, columns });
	}

	async #count({ holders, filter }: RestoredRows): Promise<number> {
		let count = 0;
		for (const holder of holders) {
			const { rows } = await this.client.query<{ count: string }>(
				`SELECT pg_catalog.count(*)::text AS count FROM (${rowsOf(holder, [], filter)}) AS rows`,
			);
			count += Number(rows[0]?.count);
		}
		return count;
	}

	#compareCount(key: string, found: number, expected: number | undefined): boolean {
		this.#rows += found;
		if (expected === undefined || found === expected) return true;
		this.#error(key, `It holds ${found} rows after the restore; the backup has ${expected}.`);
		return false;
	}

	async #compareByValue(): Promise<void> {
		const { source } = this.expected;
		const unlike = await unlikeByValue(this.client, source.source, this.#unlike, this.context.signal);
		for (const { relation } of unlike)
			this.#error(relation.key, 'It holds as many rows after the restore as the backup, but not the same ones.');
	}

	#error(key: string, message: string): void {
		this.context.found({ severity: 'error', part: nameOf(key), message, hint: HINT });
	}
}

function keyOf({ key }: TargetRelation): string {
	return key;
}

function nameOf(key: string): string {
	return key.replace('\0', '.');
}

/**
 * The filters of extensions' own tables, by OID. A dump has only those of their rows that the extension asks for; creating the
 * extension brings the others.
 */
async function extensionFilters(client: Client): Promise<Map<number, string>> {
	const { rows } = await client.query<{ oid: number; filter: string }>(
		`SELECT config.oid, config.filter FROM pg_catalog.pg_extension
		CROSS JOIN LATERAL unnest(extconfig, extcondition) AS config (oid, filter)`,
	);
	return new Map(rows.map(({ oid, filter }) => [oid, filter ?? '']));
}

/**
 * How bytes move through: table after table comes back by COPY TO STDOUT and is digested as it comes, chunk by chunk;
 * nothing of it is kept. Only tables that look unlike are loaded a second time, to be compared by value.
 */
import type { Client } from 'pg';

import { BackupError, throwIfCancelled } from '../../errors';
import type { CheckContext } from '../../verify/types';
import { translateError } from '../connection';
import type { SourceFacts } from '../restore/source';
import { findRelations, PartitionedTables, type TargetRelation } from '../restore/targetRelations';
import { compareLargeObjects, compareSequences } from './compareOthers';
import { digestQuery, prepareReading, rowsOf, type SourceSession } from './restoredRows';
import { type UnlikeTable, unlikeByValue } from './shadows';
import type { SourceRows, TappedSource } from './tappedSource';

const HINT =
	'Restore it into a database of its own and look: either something in the dump changes rows while they are loaded (a function in a constraint, an extension), or it does not hold what it should.';

const NOT_ALLOWED = '42501';

/** What a test restore is compared with. */
export interface Expected {
	/** As the restore has read it. */
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
		// Without its cause: what fails here are queries of ours, and says nothing of the backup.
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
		const inRoots = await this.#filledByRoots([...relations.values()]);
		const filters = await extensionFilters(this.client);
		let tables = 0;
		for (const key of keys) {
			throwIfCancelled(this.context.signal);
			if (inRoots.has(key)) continue;
			tables++;
			const relation = relations.get(key);
			if (relation) await this.#compare(relation, filters.get(relation.oid));
			else this.#error(key, 'It is not in the restored database.');
		}
		await this.#compareByValue();
		return { tables, rows: this.#rows };
	}

	/** Partitions whose rows came as those of the whole table, and are compared with it. */
	async #filledByRoots(relations: TargetRelation[]): Promise<Set<string>> {
		const roots = relations.filter(({ key, kind }) => kind === 'p' && this.expected.source.tables.has(key));
		if (roots.length === 0) return new Set();
		const partitioned = await PartitionedTables.of(this.client);
		return new Set(roots.flatMap((root) => partitioned.below(root)).map(({ key }) => key));
	}

	async #compare(relation: TargetRelation, filter: string | undefined): Promise<void> {
		const { source, facts } = this.expected;
		const rows = source.tables.get(relation.key);
		try {
			if (rows) await this.#compareRows(relation, rows, filter);
			else this.#compareCount(relation.key, await this.#count(relation, filter), facts.expectedRows?.get(relation.key));
		} catch (error) {
			if ((error as { code?: string }).code !== NOT_ALLOWED) throw error;
			this.context.found({
				severity: 'obstacle',
				part: nameOf(relation.key),
				message: 'The user may not read the restored rows, so they could not be compared.',
				hint: 'Use a credential of a superuser or of a role with BYPASSRLS for the scratch server.',
			});
		}
	}

	async #compareRows(relation: TargetRelation, expected: SourceRows, filter: string | undefined): Promise<void> {
		const { columns, digest, mixed } = expected;
		const found = await digestQuery(this.client, rowsOf(relation, columns, filter));
		if (!this.#compareCount(relation.key, found.rows, digest.rows)) return;
		if (mixed || !found.equals(digest)) this.#unlike.push({ relation, columns, filter });
	}

	async #count(relation: TargetRelation, filter: string | undefined): Promise<number> {
		const { rows } = await this.client.query<{ count: string }>(
			`SELECT pg_catalog.count(*)::text AS count FROM (${rowsOf(relation, [], filter)}) AS rows`,
		);
		return Number(rows[0]?.count);
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

function nameOf(key: string): string {
	return key.replace('\0', '.');
}

/** Of extensions' own tables a dump has only the rows that the extension asks for, and creating it brings the others. */
async function extensionFilters(client: Client): Promise<Map<number, string>> {
	const { rows } = await client.query<{ oid: number; filter: string }>(
		`SELECT config.oid, config.filter FROM pg_catalog.pg_extension
		CROSS JOIN LATERAL unnest(extconfig, extcondition) AS config (oid, filter)`,
	);
	return new Map(rows.map(({ oid, filter }) => [oid, filter ?? '']));
}

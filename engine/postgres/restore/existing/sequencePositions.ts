import type { Client } from 'pg';

import { quoteIdentifier } from '../../quoting';
import { findRelations, type TargetRelation } from '../../relations';
import { describeStatement } from '../../statements/statement';
import { tableKey } from '../../statements/tokens';
import type { RestoreStep } from '../source';

/** Where a sequence stands: what setval takes. */
interface Position {
	key: string;
	last: string;
	called: boolean;
}

/** The sequences among the relations, and those that their columns own. */
const SEQUENCES = `SELECT n.nspname::text AS schema, c.relname::text AS name FROM pg_catalog.pg_class c
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind = 'S' AND (c.oid = ANY ($1::oid[]) OR EXISTS (SELECT FROM pg_catalog.pg_depend d
		WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
			AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = ANY ($1::oid[])))`;

/** Reads the positions of the sequences that are dropped together with relations. */
export async function readPositions(client: Client, relations: TargetRelation[]): Promise<Position[]> {
	const { rows: sequences } = await client.query<{ schema: string; name: string }>(SEQUENCES, [
		relations.map(({ oid }) => oid),
	]);
	const positions: Position[] = [];
	for (const { schema, name } of sequences) {
		const { rows } = await client.query<Omit<Position, 'key'>>(
			`SELECT last_value::text AS last, is_called AS called FROM ${quoteIdentifier(schema)}.${quoteIdentifier(name)}`,
		);
		if (rows[0]) positions.push({ key: tableKey(schema, name), ...rows[0] });
	}
	return positions;
}

/**
 * Sets sequences that were created again to the positions that they had, where these are within their bounds. A backup without
 * rows holds no positions, and one with rows sets them later.
 */
export async function restorePositions(client: Client, positions: Position[]): Promise<void> {
	const sequences = await findRelations(
		client,
		positions.map(({ key }) => key),
	);
	for (const { key, last, called } of positions) {
		const sequence = sequences.find((found) => found.key === key && found.kind === 'S');
		if (!sequence) continue;
		await client.query(
			`SELECT pg_catalog.setval(seqrelid::regclass, $2::bigint, $3) FROM pg_catalog.pg_sequence
			WHERE seqrelid = $1::oid AND $2::bigint BETWEEN seqmin AND seqmax`,
			[sequence.oid, last, called],
		);
	}
}

/**
 * The steps of a transaction with the positions of sequences at its end: no transaction takes these back, and a restore that
 * fails must not leave a sequence behind the rows that are still there. A name without a schema is found by the search path
 * of the moment, so such a position stays where it is.
 */
export async function* positionsLast(steps: AsyncIterable<RestoreStep>): AsyncGenerator<RestoreStep> {
	const positions: RestoreStep[] = [];
	for await (const step of steps) {
		if (isPosition(step)) positions.push(step);
		else yield step;
	}
	yield* positions;
}

function isPosition(step: RestoreStep): boolean {
	if (step.type !== 'statement' || step.table !== undefined) return false;
	const { kind, schema = '' } = describeStatement(step.text);
	return kind === 'SEQUENCE SET' && schema !== '';
}

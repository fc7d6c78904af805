/**
 * How bytes move through: a restore takes the steps of a source one by one, and rows are digested on the way, frame by frame,
 * before the target gets them. So the archive need not be read again to know what the restore should have made. Memory holds
 * only what the restore holds anyway. Hashing a frame takes tens of milliseconds, so it is done in slices, between which other
 * work gets the thread.
 */
import { setImmediate } from 'node:timers/promises';

import type { Inspection, RestoreSelection, RestoreSource, RestoreStep, SourceFacts } from '../restore';
import { readDataCopy } from '../statements/dataCopy';
import { parseName, tableKey, tokenize } from '../statements/tokens';
import { RowDigest } from './digest';

/** Bytes that are hashed without a pause. */
const SLICE = 1024 * 1024;

const SET_SEQUENCE = /^SELECT\s+pg_catalog\.setval\((E?'(?:[^']|'')*'),\s*(-?\d+),\s*(true|false)\)\s*$/i;

/**
 * Matches statements about subscriptions, which are left out. A subscription keeps its database from being dropped, and dropping
 * it would drop the replication slot at the publisher, which is the one that the source uses.
 */
const REACHES_OUT = /^(?:(?:CREATE|ALTER|DROP)|(?:COMMENT|SECURITY\s+LABEL)\s[^']*?\bON)\s+SUBSCRIPTION\s/i;

/** The rows of one table as the source has them. */
export interface SourceRows {
	/** The columns of its COPY, in their order; undefined where it names none. */
	columns: string[] | undefined;
	/** Whether its rows came with different columns or in a different order, so that the digest cannot be compared. */
	mixed: boolean;
	digest: RowDigest;
}

/** The position of a sequence. */
export interface SourceSequence {
	/** Its name as a literal, as the source writes it. */
	literal: string;
	last: string;
	called: boolean;
}

type Copy = Extract<RestoreStep, { type: 'copy' }>;

/** A source that records what it hands out, so that it can be compared with the restored database. */
export class TappedSource implements RestoreSource {
	/** The tables whose rows came as COPY, by table key. */
	readonly tables = new Map<string, SourceRows>();
	/** The last position of each sequence, by literal. */
	readonly sequences = new Map<string, SourceSequence>();
	/** The statements that write the pieces of large objects, each digested as a row: see dump/largeObjects.ts. */
	readonly largeObjects = new RowDigest();
	largeObjectCount = 0;
	#facts: SourceFacts | undefined;

	/** @param adapt changes the facts of the source to suit a scratch target */
	constructor(
		readonly source: RestoreSource,
		readonly adapt: (facts: SourceFacts) => SourceFacts = (facts) => facts,
	) {}

	async inspect(inspection?: Inspection): Promise<SourceFacts> {
		this.#facts = this.adapt(await this.source.inspect(inspection));
		return this.#facts;
	}

	/** What `inspect` returned. */
	get facts(): SourceFacts {
		if (!this.#facts) throw new Error('The source was not inspected.');
		return this.#facts;
	}

	async *steps(selection: RestoreSelection, signal?: AbortSignal): AsyncGenerator<RestoreStep> {
		let leftOut = 0;
		for await (const step of this.source.steps(selection, signal)) {
			if (step.type === 'statement' && REACHES_OUT.test(step.text)) {
				leftOut++;
				continue;
			}
			if (step.type === 'statement') this.#noteStatement(step.text);
			else if (step.type === 'batch') this.#noteBatch(step.sql);
			else if (step.type === 'copy') {
				const tapped = await this.#tapped(step);
				yield tapped;
				// A restore that puts rows off asks for them again by the step `again`.
				if (!Buffer.isBuffer(tapped.rows)) for await (const rows of tapped.rows) void rows;
				continue;
			}
			yield step;
		}
		if (leftOut > 0) yield { type: 'warning', text: 'Subscriptions were left out: they reach out to other servers.' };
	}

	#noteStatement(text: string): void {
		const [, literal, last, called] = SET_SEQUENCE.exec(text) ?? [];
		if (literal !== undefined && last !== undefined)
			this.sequences.set(literal, { literal, last, called: called?.toLowerCase() === 'true' });
		else if (/^SELECT\s+pg_catalog\.lo_create\(/.test(text)) this.largeObjectCount++;
	}

	#noteBatch(sql: string): void {
		for (const line of sql.split('\n')) {
			if (line === '') continue;
			const bytes = Buffer.from(line);
			this.largeObjects.add(bytes, 0, bytes.length);
			this.largeObjects.endRow();
		}
	}

	async #tapped(step: Copy): Promise<Copy> {
		const rows = this.#rowsOf(step);
		if (!rows) return step;
		if (!Buffer.isBuffer(step.rows)) return { ...step, rows: passing(step.rows, rows.digest) };
		for (let at = 0; at < step.rows.length; at += SLICE) {
			if (at > 0) await setImmediate();
			rows.digest.push(step.rows.subarray(at, at + SLICE));
		}
		return step;
	}

	#rowsOf({ table, statement }: Copy): SourceRows | undefined {
		if (table === undefined) return undefined;
		const key = copiedTable(statement) ?? table;
		const columns = readDataCopy(statement)?.columns;
		const found = this.tables.get(key);
		if (!found) {
			const rows = { columns, mixed: false, digest: new RowDigest() };
			this.tables.set(key, rows);
			return rows;
		}
		found.mixed ||= JSON.stringify(found.columns) !== JSON.stringify(columns);
		return found;
	}
}

/** The key of the table that a COPY fills. For rows of a partition that may be the partitioned table. */
export function copiedTable(statement: string): string | undefined {
	const [schema, name] = parseName(tokenize(statement), 1)?.parts ?? [];
	return schema === undefined || name === undefined ? undefined : tableKey(schema, name);
}

/** Digests rows as they pass, to their end also where the target refuses them in the middle, because it may try them again. */
async function* passing(rows: AsyncIterable<Buffer>, digest: RowDigest): AsyncGenerator<Buffer> {
	const iterator = rows[Symbol.asyncIterator]();
	const next = async () => {
		const result = await iterator.next();
		if (result.done === true) return undefined;
		digest.push(result.value);
		return result.value;
	};
	try {
		for (let chunk = await next(); chunk; chunk = await next()) yield chunk;
	} finally {
		while (await next());
	}
}

import { pipeline } from 'node:stream/promises';

import type { Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

import { BackupError, messageOf, throwIfCancelled } from '../../errors';
import { translateError } from '../connection';

import { Lanes } from './lanes';
import { mapOwnership, type OwnerMapping } from './ownership';
import type { RestoredTable, RestoreFailure } from './report';
import type { RestoreStep } from './source';
import { describeStatement, type StatementFacts } from './statement';

export interface ApplyOptions {
	owner: OwnerMapping;
	privileges: boolean;
	/** Go on after a failed object, and report it. */
	collectErrors: boolean;
	signal?: AbortSignal;
}

export interface ApplyResult {
	objects: number;
	rows: ReadonlyMap<string, number>;
	failures: RestoreFailure[];
}

/** Statements on indexes and keys that may wait for a connection: enough to find one that another does not block. */
const BACKLOG = 64;

const DEADLOCK = '40P01';

/** Waits of sessions and statements that belong to all connections, not to an object. */
const SESSION = /^(?:SET|RESET)\s|^SELECT pg_catalog\.set_config\('search_path'/;

type Statement = Extract<RestoreStep, { type: 'statement' }>;
type Copy = Extract<RestoreStep, { type: 'copy' }>;

function objectOf(comment: string, statement: string): string {
	const [, name, type, schema] = /-- (?:Data for )?Name: (.*?); Type: ([^;]*); Schema: ([^;]*);/.exec(comment) ?? [];
	if (name) return schema && schema !== '-' ? `${type} ${schema}.${name}` : `${type} ${name}`;
	const head = statement.replace(/\s+/g, ' ');
	return head.length > 80 ? `${head.slice(0, 80)}…` : head;
}

/**
 * Carries the steps of a source out in a database. Rows that come in buffers are loaded by all connections at once, and
 * so are indexes built and foreign keys checked, as far as their locks allow; everything else runs alone and in order.
 */
class Applier {
	objects = 0;
	readonly rows = new Map<string, number>();
	readonly failures: RestoreFailure[] = [];
	/** What runs at once at the moment: only jobs of one sort share the connections. */
	#work: 'rows' | StatementFacts['work'] = 'other';

	constructor(
		readonly lanes: Lanes,
		readonly options: ApplyOptions,
	) {}

	async step(step: RestoreStep): Promise<void> {
		throwIfCancelled(this.options.signal);
		if (step.type === 'statement') await this.#statement(step);
		else if (step.type === 'copy') await this.#copy(step);
		else {
			await this.#begin('other');
			await this.#attempt('large objects', () => this.lanes.main.query(step.sql));
		}
	}

	async #begin(work: 'rows' | StatementFacts['work']): Promise<void> {
		if (work === this.#work && work !== 'other') return;
		await this.lanes.drain();
		this.#work = work;
	}

	async #statement({ text, comment, tolerant }: Statement): Promise<void> {
		if (SESSION.test(text)) return await this.#everywhere(text);
		const facts = describeStatement(text);
		const sql = mapOwnership(text, facts, this.options.owner, this.options.privileges);
		if (sql === undefined) return;
		const object = objectOf(comment, text);
		await this.#begin(facts.work);
		if (tolerant) return void (await this.lanes.main.query(sql).catch(() => {}));
		this.objects++;
		if (facts.work === 'other') return await this.#attempt(object, () => this.lanes.main.query(sql));
		const run = (client: Client) => this.#attempt(object, () => withRetry(client, sql));
		await this.lanes.submit({ locks: facts.locks, run }, BACKLOG);
	}

	async #everywhere(sql: string): Promise<void> {
		await this.#begin('other');
		for (const client of this.lanes.clients) await this.#attempt(sql, () => client.query(sql));
	}

	async #copy(step: Copy): Promise<void> {
		const load = async (client: Client) => {
			await this.#attempt(objectOf(step.comment, step.statement), async () => {
				const count = await copyIn(client, step);
				if (step.table) this.rows.set(step.table, (this.rows.get(step.table) ?? 0) + count);
			});
		};
		if (Buffer.isBuffer(step.rows)) {
			await this.#begin('rows');
			await this.lanes.submit({ locks: [], run: load }, 0);
		} else {
			await this.#begin('other');
			await load(this.lanes.main);
		}
	}

	async #attempt(object: string, run: () => Promise<unknown>): Promise<void> {
		try {
			await run();
		} catch (error) {
			throwIfCancelled(this.options.signal);
			const lost = error instanceof BackupError || !(error as { severity?: string }).severity;
			if (lost || !this.options.collectErrors) throw translateError(error, 'target', `Could not restore ${object}`);
			this.failures.push({ object, message: messageOf(error) });
		}
	}
}

/** A deadlock between two of our own connections is nobody's fault: the second try has the table to itself. */
async function withRetry(client: Client, sql: string): Promise<void> {
	try {
		await client.query(sql);
	} catch (error) {
		if ((error as { code?: string }).code !== DEADLOCK) throw error;
		await client.query(sql);
	}
}

async function copyIn(client: Client, { statement, rows }: Copy): Promise<number> {
	const target = client.query(copyFrom(statement));
	await pipeline(Buffer.isBuffer(rows) ? [rows] : rows, target);
	return target.rowCount ?? 0;
}

/**
 * Applies steps to a database by way of the given connections, which all are logged in to it.
 * @throws BackupError TARGET_FAILED for the first statement that fails (unless errors are collected) and for a lost
 * connection; CANCELLED; whatever the source throws.
 */
export async function applySteps(steps: AsyncIterable<RestoreStep>, clients: Client[], options: ApplyOptions): Promise<ApplyResult> {
	const lanes = new Lanes(clients);
	const applier = new Applier(lanes, options);
	for await (const step of steps) await applier.step(step);
	await lanes.drain();
	return applier;
}

/** Sets what was loaded against what was promised. Keys are table keys. */
export function compareRows(loaded: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number> | undefined): RestoredTable[] {
	const keys = new Set([...(expected?.keys() ?? []), ...loaded.keys()]);
	return [...keys].map((key) => {
		const [schema = '', name = ''] = key.split('\0');
		return { schema, name, rows: loaded.get(key) ?? 0, expected: expected?.get(key) };
	});
}

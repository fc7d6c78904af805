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
	/** What was left out or left as it was. */
	warnings: string[];
}

/** Statements on indexes and keys that may wait for a connection: enough to find one that another does not block. */
const BACKLOG = 64;

const DEADLOCK = '40P01';

/** SQLSTATE: duplicate schema, object, table, function. */
const EXISTS = new Set(['42P06', '42710', '42P07', '42723']);

const OCCUPIED =
	'The database holds such an object already. Restore into a new database or with Safe Swap, drop the tables first, or choose Data Only.';
const ABSENT =
	'What the dump refers to is not there: restore all of it, choose what it refers to as well, or create it first.';
const REFUSALS: Record<string, string> = {
	...Object.fromEntries([...EXISTS].map((code) => [code, OCCUPIED])),
	'42P01': ABSENT,
	'42883': ABSENT,
	'42704': ABSENT,
	'3F000': ABSENT,
	'23505':
		'The table holds rows with the same key already. Empty the tables first (Truncate), or restore into a new database.',
	'23503': 'The rows refer to rows that are not there. Restore the other table as well, or the whole database.',
};

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
	readonly warnings: string[] = [];
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

	async #statement({ text, comment, decision = 'yes' }: Statement): Promise<void> {
		if (SESSION.test(text)) return await this.#everywhere(text);
		const facts = describeStatement(text);
		const sql = mapOwnership(text, facts, this.options.owner, this.options.privileges);
		if (sql === undefined) return;
		const object = objectOf(comment, text);
		await this.#begin(facts.work);
		if (decision !== 'support') this.objects++;
		if (facts.work === 'other') return await this.#attempt(object, () => this.lanes.main.query(sql), decision);
		const run = (client: Client) => this.#attempt(object, () => withRetry(client, sql), decision);
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

	async #attempt(object: string, run: () => Promise<unknown>, decision: Statement['decision'] = 'yes'): Promise<void> {
		try {
			await run();
		} catch (error) {
			throwIfCancelled(this.options.signal);
			const { severity, code = '' } = error as { severity?: string; code?: string };
			const lost = error instanceof BackupError || severity !== 'ERROR';
			if (!lost && decision === 'support') return;
			if (!lost && decision === 'optional') this.warnings.push(`${object} was left out: ${messageOf(error)}`);
			else if (!lost && decision === 'keep' && EXISTS.has(code))
				this.warnings.push(`${object} exists already and was left as it is.`);
			else if (lost || !this.options.collectErrors) throw refused(error, object);
			else this.failures.push({ object, message: messageOf(error) });
		}
	}
}

function refused(error: unknown, object: string): BackupError {
	const { code = '', message, details, cause, hint } = translateError(error, 'target', `Could not restore ${object}`);
	const known = hint ?? REFUSALS[(error as { code?: string }).code ?? ''];
	return new BackupError(code as BackupError['code'], message, { hint: known, details, cause });
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
export async function applySteps(
	steps: AsyncIterable<RestoreStep>,
	clients: Client[],
	options: ApplyOptions,
): Promise<ApplyResult> {
	const lanes = new Lanes(clients);
	const applier = new Applier(lanes, options);
	for await (const step of steps) await applier.step(step);
	await lanes.drain();
	return applier;
}

/** Sets what was loaded against what was promised. Keys are table keys. */
export function compareRows(
	loaded: ReadonlyMap<string, number>,
	expected: ReadonlyMap<string, number> | undefined,
): RestoredTable[] {
	const keys = new Set([...(expected?.keys() ?? []), ...loaded.keys()]);
	return [...keys].map((key) => {
		const [schema = '', name = ''] = key.split('\0');
		return { schema, name, rows: loaded.get(key) ?? 0, expected: expected?.get(key) };
	});
}

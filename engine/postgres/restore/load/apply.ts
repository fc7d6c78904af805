import type { Client } from 'pg';

import { BackupError, throwIfCancelled } from '../../../errors';
import { runOne, withSavepoint } from '../../runOne';
import { serverMessage } from '../../serverMessage';

import { type CopyStep, endsInTransaction, type RestoreStep } from '../source';
import { copyIn } from './copyIn';
import { UnsupportedOptions, mayHoldOptions } from './unsupportedOptions';
import { ConnectionPool } from './connectionPool';
import { DeferredRows, mayDependOnOtherRows } from './deferredRows';
import { NamedRoles } from './namedRoles';
import { objectName } from '../../statements/naming';
import { mapOwnership } from './ownership';
import { PartitionTree } from './partitions';
import { existsAlready, isDispensable, refused, sqlState, substituteFor } from './refusals';
import type { RestoreFailure } from '../report';
import { Dependencies } from './dependencies';
import type { StatementFacts } from '../../statements/facts';
import { StatementReader } from '../../statements/reader';
import { assertDataCopy, assertPermitted } from '../../statements/forbidden';
import type { OwnerMapping } from '../options';

export interface ApplyOptions {
	owner: OwnerMapping;
	privileges: boolean;
	/** Go on after a failed object, and report it. */
	collectErrors: boolean;
	signal?: AbortSignal;
	/** All of the dump is restored. */
	isWhole?: boolean;
	/** Roles that the target lacks, and that only policies and user mappings name. */
	absentRoles?: ReadonlySet<string>;
	/** Called while no connection is at work, where the source learns what it needs of the target only now. */
	onRequirements?: () => Promise<void>;
	/** Filled as rows are taken, by table key: also one that fails has loaded some. */
	loaded?: Map<string, number>;
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
const UNDEFINED_TABLE = '42P01';

/** What concerns sessions, so all connections. */
const OF_SESSIONS = new Set(['SET', 'SESSION AUTHORIZATION']);

type Statement = Extract<RestoreStep, { type: 'statement' }>;
type Retry = Extract<RestoreStep, { type: 'retry' }>;

/** A piece of work in the target, and what is known of it when it fails. */
interface Task {
	/** What it is about, for messages. */
	object: string;
	decision?: Statement['decision'];
	/** Ends the restore when it fails, whatever is collected. */
	essential?: boolean;
	statement?: { text: string; facts: StatementFacts };
	/** `text` is a statement in place of its own. */
	run: (client: Client, text?: string) => Promise<unknown>;
	/** Puts it off until other rows are there; false where that cannot be. */
	defer?: () => boolean;
}

/**
 * Carries the steps of a source out in a database. Rows that come in buffers are loaded by all connections at once, and
 * so are indexes built and foreign keys checked, as far as their locks allow; everything else runs alone and in order, on
 * the main connection. So does all that stands in a transaction of the script's own, for other connections see nothing
 * of it and would wait for its locks for ever.
 */
class Applier {
	objects = 0;
	readonly rows: Map<string, number>;
	readonly failures: RestoreFailure[] = [];
	readonly warnings: string[] = [];
	readonly #reader = new StatementReader();
	readonly #partitions = new PartitionTree();
	readonly #dependencies = new Dependencies();
	readonly #unsupported = new UnsupportedOptions();
	readonly #deferred = new DeferredRows();
	readonly #named: NamedRoles;
	/** Tables and sequences that were to be made and exist already: what they hold is somebody else's. By key. */
	readonly #occupied = new Set<string>();
	/** What runs at once at the moment: only jobs of one sort share the connections. */
	#work: 'rows' | StatementFacts['work'] = 'other';
	/** Victims of deadlocks, which have another try alone. */
	readonly #postponed: Task[] = [];
	#inTransaction = false;

	constructor(
		readonly pool: ConnectionPool,
		readonly options: ApplyOptions,
	) {
		this.rows = options.loaded ?? new Map<string, number>();
		this.#named = new NamedRoles(options.absentRoles ?? new Set());
	}

	async step(step: RestoreStep): Promise<void> {
		throwIfCancelled(this.options.signal);
		if (step.type === 'statement') await this.#statement(step);
		else if (step.type === 'copy') await this.#copy(step);
		else if (step.type === 'retry') await this.#retry(step);
		else if (step.type === 'warning') this.warnings.push(step.text);
		else if (step.type === 'requirements') await this.#requirements();
		else await this.#batch(step);
	}

	async #requirements(): Promise<void> {
		await this.#begin('other');
		await this.options.onRequirements?.();
	}

	async #batch({ essential, sql }: Extract<RestoreStep, { type: 'batch' }>): Promise<void> {
		await this.#alone({ object: 'large objects', essential, run: (client) => client.query(sql) });
	}

	/** @throws BackupError ARCHIVE_INCOMPLETE where the script ends in the middle of a transaction. */
	async finish(): Promise<void> {
		await this.#drain();
		this.warnings.push(...this.#dependencies.warnings, ...this.#unsupported.warnings, ...this.#named.warnings);
		if (this.#inTransaction) throw endsInTransaction();
	}

	async #begin(work: 'rows' | StatementFacts['work']): Promise<void> {
		if (work === this.#work && work !== 'other') return;
		await this.#drain();
		this.#work = work;
	}

	async #drain(): Promise<void> {
		await this.pool.drain();
		for (const task of this.#postponed.splice(0)) await this.#attempt(task, this.pool.main);
	}

	async #statement({ text, comment, decision = 'yes', table, essential }: Statement): Promise<void> {
		assertPermitted(text, this.#reader.standardStrings);
		const facts = this.#reader.read(text);
		const object = objectName(comment, text);
		const statement = { text, facts };
		if (facts.transaction) return await this.#transaction(statement, { object, essential });
		this.#partitions.note(facts);
		const owned = mapOwnership(text, facts, this.options.owner, this.options.privileges);
		const sql = owned === undefined ? undefined : this.#named.fit(owned, facts, object);
		if (sql === undefined || (facts.role && !this.#dependencies.mayBeGiven(facts, decision))) return;
		if (OF_SESSIONS.has(facts.kind))
			return await this.#everywhere({ object, statement, essential, run: (client) => runOne(client, sql) });
		const filled = facts.kind === 'SEQUENCE SET' ? facts.table : table;
		if (filled && this.#occupied.has(filled)) return;
		const isDependency = decision === 'dependency' || decision === 'keep';
		if (!isDependency && !table) this.objects++;
		const known = this.#unsupported.withoutKnown({ text: sql, facts, object });
		if (known === '') return;
		const run = async (client: Client, less = known) => {
			const { rowCount } = await runOne(client, less);
			if (isDependency) this.objects++;
			if (isDependency && facts.verb === 'CREATE') this.#dependencies.made(facts, object, decision);
			if (table) this.#count(table, rowCount ?? 0);
		};
		const task: Task = { object, decision, statement: { text: known, facts }, essential, run };
		if (facts.work === 'other') return await this.#alone(task);
		await this.#concurrently(facts.work, this.#partitions.locks(facts), task, BACKLOG);
	}

	async #transaction(
		statement: { text: string; facts: StatementFacts },
		about: Pick<Task, 'object' | 'essential'>,
	): Promise<void> {
		const { text, facts } = statement;
		await this.#begin('other');
		// A COMMIT that fails has ended the transaction all the same.
		if (facts.transaction === 'ends') this.#inTransaction = false;
		const control = async () => {
			await runOne(this.pool.main, text);
			if (facts.transaction === 'begins') this.#inTransaction = true;
		};
		await this.#attempt({ ...about, statement, run: control }, this.pool.main);
	}

	async #everywhere(task: Task): Promise<void> {
		await this.#begin('other');
		for (const client of this.pool.clients) if (!(await this.#attempt(task, client))) return;
	}

	async #alone(task: Task): Promise<void> {
		await this.#begin('other');
		await this.#attempt(task, this.pool.main);
	}

	async #concurrently(
		work: 'rows' | StatementFacts['work'],
		locks: StatementFacts['locks'],
		task: Task,
		backlog: number,
	): Promise<void> {
		if (this.#inTransaction) return await this.#alone(task);
		await this.#begin(work);
		const run = async (client: Client) => {
			const retried: Task = { ...task, run: (on, text) => this.#unlessDeadlocked(task, on, text) };
			await this.#attempt(retried, client);
		};
		await this.pool.submit({ locks, run }, backlog);
	}

	/** A deadlock is nobody's fault; the next try has the database to itself, as far as it is up to us. */
	async #unlessDeadlocked(task: Task, client: Client, text?: string): Promise<void> {
		try {
			await task.run(client, text);
		} catch (error) {
			if (sqlState(error) !== DEADLOCK) throw error;
			this.#postponed.push(task);
		}
	}

	async #copy(step: CopyStep): Promise<void> {
		assertDataCopy(step.statement);
		if (step.table && this.#occupied.has(step.table)) return;
		if (!this.#deferred.isAsked) {
			await this.#begin('other');
			await this.#deferred.ask(this.pool.main);
		}
		if (this.#deferred.holdsBack(step)) return;
		const task: Task = { ...this.#loading(step), defer: () => this.#deferred.defer(step) };
		if (Buffer.isBuffer(step.rows)) await this.#concurrently('rows', [], task, 0);
		else await this.#alone(task);
	}

	#loading(step: CopyStep): Task {
		const { comment, essential, statement, table } = step;
		const run = async (client: Client) => {
			const count = await copyIn(client, step);
			if (table) this.#count(table, count);
		};
		return { object: objectName(comment, statement), essential, run };
	}

	async #retry({ rows }: Retry): Promise<void> {
		await this.#begin('other');
		await this.#deferred.load(rows, async (step, isLastTry) => {
			const defer = isLastTry ? undefined : () => this.#deferred.defer(step);
			await this.#attempt({ ...this.#loading(step), defer }, this.pool.main);
		});
	}

	#count(table: string, rows: number): void {
		this.rows.set(table, (this.rows.get(table) ?? 0) + rows);
	}

	/** Runs a task; false where it failed and the restore goes on all the same. */
	async #attempt(task: Task, client: Client): Promise<boolean> {
		try {
			if (this.#inTransaction && client === this.pool.main && this.#mayFail(task))
				await withSavepoint(client, () => task.run(client));
			else await task.run(client);
			return true;
		} catch (error) {
			throwIfCancelled(this.options.signal);
			const { severity } = error as { severity?: string };
			if (error instanceof BackupError || severity !== 'ERROR') throw refused(error, task.object, this.options.isWhole);
			const less = this.#withoutForeign(task, error);
			if (less) return await this.#attempt(less, client);
			if (mayDependOnOtherRows(error) && task.defer?.()) return false;
			await this.#goOnWithout(task, error);
			return false;
		}
	}

	/** The task without an option or a setting that the server has refused, of which something may be left to do. */
	#withoutForeign(task: Task, error: unknown): Task | undefined {
		const { object, statement } = task;
		const text = statement && this.#unsupported.withoutRefused({ ...statement, object }, error);
		if (text === undefined) return undefined;
		const run = async (client: Client, less = text) => (less === '' ? undefined : await task.run(client, less));
		return { ...task, statement: { ...statement!, text }, run };
	}

	/** Where a failure is not the end of the restore, so must not be that of a transaction either. */
	#mayFail(task: Task): boolean {
		const { decision = 'yes', defer, statement } = task;
		if (defer) return true;
		if (statement?.facts.transaction && !isDispensable(statement.text)) return false;
		if (statement && (isDispensable(statement.text) || mayHoldOptions(statement.text, statement.facts))) return true;
		return this.#collects(task) || decision !== 'yes';
	}

	#collects({ essential = false }: Task): boolean {
		return this.options.collectErrors && !essential;
	}

	/** @throws BackupError where a failure of the task is one of the restore. */
	async #goOnWithout(task: Task, error: unknown): Promise<void> {
		const { object, decision = 'yes', statement } = task;
		if (statement && decision === 'dependency') {
			const warning = await this.#dependencies.goOnWithout(this.pool.main, object, statement, error);
			if (warning !== undefined) this.warnings.push(warning);
			return;
		}
		const substitute = statement && substituteFor(statement.text, statement.facts, error);
		if (substitute) {
			this.warnings.push(substitute.warning);
			if (substitute.instead) for (const client of this.pool.clients) await runOne(client, substitute.instead);
		} else if (decision === 'optional' || (decision === 'attach' && sqlState(error) === UNDEFINED_TABLE))
			this.warnings.push(`${object} was left out: ${serverMessage(error)}`);
		else if (decision === 'keep' && existsAlready(error)) {
			if (statement) this.#dependencies.leave(statement.facts);
			this.warnings.push(`${object} exists already and was left as it is.`);
		} else if (!this.#collects(task)) throw refused(error, object, this.options.isWhole);
		else {
			this.failures.push({ object, message: serverMessage(error) });
			if (statement) this.#noteOccupied(statement.facts, error);
		}
	}

	#noteOccupied({ verb, kind, table, ownedSequence }: StatementFacts, error: unknown): void {
		const makes = verb === 'CREATE' && (kind === 'TABLE' || kind === 'SEQUENCE');
		if (makes && table && existsAlready(error)) this.#occupied.add(table);
		// A column that cannot be made an identity is one already, with a sequence of its own.
		if (kind === 'TABLE' && ownedSequence) this.#occupied.add(ownedSequence);
	}
}

/**
 * Applies steps to a database by way of the given connections, which all are logged in to it.
 * @throws BackupError TARGET_FAILED for the first statement that fails (unless errors are collected) and for a lost
 * connection; ARCHIVE_INCOMPLETE; CANCELLED; whatever the source throws.
 */
export async function applySteps(
	steps: AsyncIterable<RestoreStep>,
	clients: Client[],
	options: ApplyOptions,
): Promise<ApplyResult> {
	const pool = new ConnectionPool(clients);
	const applier = new Applier(pool, options);
	for await (const step of steps) await applier.step(step);
	await applier.finish();
	return applier;
}

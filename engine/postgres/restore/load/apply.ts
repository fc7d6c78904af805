import type { Client } from 'pg';

import { BackupError, throwIfCancelled } from '../../../errors';
import { runOne, runTogether, withSavepoint } from '../../runOne';
import type { StatementFacts } from '../../statements/facts';
import { assertDataCopy, assertPermitted } from '../../statements/forbidden';
import { objectName } from '../../statements/naming';
import { StatementReader } from '../../statements/reader';
import type { OwnerMapping } from '../options';
import type { RestoreFailure } from '../report';
import { type CopyStep, endsInTransaction, type RestoreStep } from '../source';

import { ConnectionPool } from './connectionPool';
import { copyIn } from './copyIn';
import { DeferredRows, mayDependOnOtherRows } from './deferredRows';
import { NamedRoles } from './namedRoles';
import { mapOwnership } from './ownership';
import { PartitionTree } from './partitions';
import { refused, sqlState } from './refusals';
import { type Task, TaskFailures } from './taskFailures';
import { isSmall, mayRunTogether, TaskGroup } from './together';

export interface ApplyOptions {
	owner: OwnerMapping;
	privileges: boolean;
	/** Goes on after a failed object, and reports it. */
	collectErrors: boolean;
	signal?: AbortSignal;
	/** Whether all of the dump is restored. */
	isWhole?: boolean;
	/** Roles that the target lacks, and that only policies and user mappings name. */
	absentRoles?: ReadonlySet<string>;
	/** Called while no connection is at work, where the source learns what it needs of the target only now. */
	onRequirements?: () => Promise<void>;
	/** Counts rows by table key while they are loaded: a restore that fails has loaded some, too. */
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

/** Kinds of statements that concern the session, so they run on all connections. */
const OF_SESSIONS = new Set(['SET', 'SESSION AUTHORIZATION']);

type Statement = Extract<RestoreStep, { type: 'statement' }>;
type Retry = Extract<RestoreStep, { type: 'retry' }>;

/**
 * Carries the steps of a source out in a database.
 *
 * How the steps move: they are asked for one by one. A statement runs alone and in its order, on the main connection, and so do
 * rows that stream. Rows in buffers are loaded by all connections at once: `step` resolves as soon as a connection has taken
 * them, so the source reads the next frame meanwhile. In the same way indexes are built and foreign keys checked, as far as
 * their locks allow. Statements that take no time go to the server in groups, each of which is one transaction: a database of
 * thousands of tables would otherwise wait for the network and for commits. A group that fails was undone by the server, and its
 * statements are run one by one. Before work of another sort begins, all connections have to be idle (`#begin`). Within a transaction of
 * the script's own everything runs on the main connection, for the others do not see what it has done, and would wait for its
 * locks without an end. What the server refuses goes to TaskFailures; rows that may need other rows are deferred.
 */
class Applier {
	objects = 0;
	readonly rows: Map<string, number>;
	readonly #failures: TaskFailures;
	readonly #reader = new StatementReader();
	readonly #partitions = new PartitionTree();
	readonly #deferred = new DeferredRows();
	readonly #named: NamedRoles;
	/** The sort of work at the moment: only jobs of one sort share the connections. */
	#work: 'rows' | StatementFacts['work'] = 'other';
	/** Victims of deadlocks, which are tried again alone. */
	readonly #postponed: Task[] = [];
	#inTransaction = false;
	/** Statements that are to run alone, in their order, and have not been sent yet. */
	readonly #definitions = new TaskGroup();
	/** Builds of indexes on small tables that no connection was given yet. */
	readonly #smallIndexes = new TaskGroup();

	constructor(
		readonly pool: ConnectionPool,
		readonly options: ApplyOptions,
	) {
		this.rows = options.loaded ?? new Map<string, number>();
		this.#failures = new TaskFailures(pool, options);
		this.#named = new NamedRoles(options.absentRoles ?? new Set());
	}

	get failures(): RestoreFailure[] {
		return this.#failures.failures;
	}

	get warnings(): string[] {
		return this.#failures.warnings;
	}

	async step(step: RestoreStep): Promise<void> {
		throwIfCancelled(this.options.signal);
		if (step.type === 'statement') await this.#statement(step);
		else if (step.type === 'copy') await this.#copy(step);
		else if (step.type === 'retry') await this.#retry(step);
		else if (step.type === 'warning') this.#failures.warnings.push(step.text);
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
		this.#failures.warnings.push(
			...this.#failures.dependencies.warnings,
			...this.#failures.unsupported.warnings,
			...this.#named.warnings,
		);
		if (this.#inTransaction) throw endsInTransaction();
	}

	async #begin(work: 'rows' | StatementFacts['work']): Promise<void> {
		if (work === this.#work && work !== 'other') return;
		await this.#drain();
		this.#work = work;
	}

	async #drain(): Promise<void> {
		await this.#submitSmallIndexes();
		await this.pool.drain();
		await this.#runDefinitions();
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
		if (sql === undefined || (facts.role && !this.#failures.dependencies.mayBeGiven(facts, decision))) return;
		if (OF_SESSIONS.has(facts.kind))
			return await this.#everywhere({ object, statement, essential, run: (client) => runOne(client, sql) });
		const filled = facts.kind === 'SEQUENCE SET' ? facts.table : table;
		if (filled && (await this.#isOccupied(filled))) return;
		const isDependency = decision === 'dependency' || decision === 'keep';
		if (!isDependency && !table) this.objects++;
		const known = this.#failures.unsupported.withoutKnown({ text: sql, facts, object });
		if (known === '') return;
		const run = async (client: Client, less = known) => {
			const { rowCount } = await runOne(client, less);
			if (isDependency) this.objects++;
			if (isDependency && facts.verb === 'CREATE') this.#failures.dependencies.made(facts, object, decision);
			if (table) this.#count(table, rowCount ?? 0);
		};
		const task: Task = { object, decision, statement: { text: known, facts }, essential, run };
		const mayShare = !this.#inTransaction && decision === 'yes' && !table && mayRunTogether(facts, known);
		if (facts.work === 'other') return await (mayShare ? this.#define(task) : this.#alone(task));
		const locks = this.#partitions.locks(facts);
		if (mayShare && facts.work === 'index' && isSmall(facts, this.rows)) return await this.#index(task, locks);
		await this.#concurrently(facts.work, locks, task, BACKLOG);
	}

	/** Runs a definition with those that follow it. */
	async #define(task: Task): Promise<void> {
		if (this.#work !== 'other') await this.#begin('other');
		if (this.#definitions.add(task)) await this.#runDefinitions();
	}

	/** Whether what was to be created exists already, and its rows belong to somebody else. */
	async #isOccupied(table: string): Promise<boolean> {
		if (this.#definitions.concerns(table)) await this.#runDefinitions();
		return this.#failures.occupied.has(table);
	}

	async #runDefinitions(): Promise<void> {
		await this.#attemptTogether(this.#definitions.take().tasks, this.pool.main);
	}

	async #index(task: Task, locks: StatementFacts['locks']): Promise<void> {
		await this.#begin('index');
		const retried: Task = { ...task, run: (on, text) => this.#unlessDeadlocked(task, on, text) };
		if (this.#smallIndexes.add(retried, locks)) await this.#submitSmallIndexes();
	}

	async #submitSmallIndexes(): Promise<void> {
		const { tasks, locks } = this.#smallIndexes.take();
		if (tasks.length === 0) return;
		await this.pool.submit({ locks, run: (client) => this.#attemptTogether(tasks, client) }, BACKLOG);
	}

	async #attemptTogether(tasks: Task[], client: Client): Promise<void> {
		if (tasks.length > 1) {
			try {
				return await runTogether(
					client,
					tasks.map(({ statement }) => statement?.text ?? ''),
				);
			} catch {
				// Nothing of it was done. Whatever it was, one of them meets it again.
				throwIfCancelled(this.options.signal);
			}
		}
		for (const task of tasks) await this.#attempt(task, client);
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

	/** A deadlock is nobody's fault, so the task is tried again when no other connection of ours is at work. */
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
		if (step.table && (await this.#isOccupied(step.table))) return;
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
		const { comment, essential, release, statement, table } = step;
		const run = async (client: Client) => {
			const count = await copyIn(client, step);
			if (table) this.#count(table, count);
			release?.();
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
			if (this.#inTransaction && client === this.pool.main && this.#failures.mayFail(task))
				await withSavepoint(client, () => task.run(client));
			else await task.run(client);
			return true;
		} catch (error) {
			throwIfCancelled(this.options.signal);
			const { severity } = error as { severity?: string };
			if (error instanceof BackupError || severity !== 'ERROR') throw refused(error, task.object, this.options.isWhole);
			const less = this.#failures.withoutUnsupported(task, error);
			if (less) return await this.#attempt(less, client);
			if (mayDependOnOtherRows(error) && task.defer?.()) return false;
			await this.#failures.goOnWithout(task, error);
			return false;
		}
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

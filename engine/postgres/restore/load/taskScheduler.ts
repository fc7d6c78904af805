import type { Client } from 'pg';

import { BackupError, throwIfCancelled } from '../../../errors';
import { runOne, runTogether, withSavepoint } from '../../runOne';
import type { StatementFacts } from '../../statements/facts';

import type { ConnectionPool } from './connectionPool';
import { mayDependOnOtherRows } from './deferredRows';
import { refused, sqlState } from './refusals';
import type { Task, TaskFailures } from './taskFailures';
import { TaskGroup } from './together';

/** Statements on indexes and keys that may wait for a connection: enough to find one that another does not block. */
const BACKLOG = 64;

const DEADLOCK = '40P01';

type Locks = StatementFacts['locks'];

/** A sort of work: only jobs of one sort share the connections. */
type Work = 'rows' | StatementFacts['work'];

/**
 * Decides when a task of a restore runs, and on which connection.
 *
 * A statement runs alone and in its order, on the main connection, and so do rows that stream. Rows in buffers are loaded by all
 * connections at once. In the same way indexes are built and foreign keys checked, as far as their locks allow. Statements that
 * take no time go to the server in groups, each of which is one transaction: a database of thousands of tables would otherwise
 * wait for the network and for commits. A group that fails was undone by the server, and its statements are run one by one. Before
 * work of another sort begins, all connections have to be idle (`begin`). Within a transaction of the script's own everything runs
 * on the main connection, for the others do not see what it has done, and would wait for its locks without an end. What the server
 * refuses goes to TaskFailures.
 */
export class TaskScheduler {
	#work: Work = 'other';
	/** Victims of deadlocks, which are tried again alone. */
	readonly #postponed: Task[] = [];
	#inTransaction = false;
	/** Statements that are to run alone, in their order, and have not been sent yet. */
	readonly #definitions = new TaskGroup();
	/** Builds of indexes on small tables that no connection was given yet. */
	readonly #smallIndexes = new TaskGroup();

	/**
	 * @param options.isWhole Whether all of the dump is restored.
	 */
	constructor(
		readonly pool: ConnectionPool,
		readonly failures: TaskFailures,
		readonly options: { signal?: AbortSignal; isWhole?: boolean },
	) {}

	/** Whether a transaction of the script's own is open. */
	get inTransaction(): boolean {
		return this.#inTransaction;
	}

	/** Waits until all connections are idle, where the work that follows is of another sort than that before it. */
	async begin(work: Work): Promise<void> {
		if (work === this.#work && work !== 'other') return;
		await this.drain();
		this.#work = work;
	}

	/** Resolves once every task has been run. @throws the error of the first one that ends the restore */
	async drain(): Promise<void> {
		await this.#submitSmallIndexes();
		await this.pool.drain();
		await this.#runDefinitions();
		for (const task of this.#postponed.splice(0)) await this.attempt(task);
	}

	/** Runs a definition together with those that follow it. Only outside of a transaction. */
	async define(task: Task): Promise<void> {
		if (this.#work !== 'other') await this.begin('other');
		if (this.#definitions.add(task)) await this.#runDefinitions();
	}

	/** Resolves once it is known what became of the definition of a table or sequence. */
	async settle(table: string): Promise<void> {
		if (this.#definitions.concerns(table)) await this.#runDefinitions();
	}

	/** Builds an index on a small table, together with those that follow it. Only outside of a transaction. */
	async smallIndex(task: Task, locks: Locks): Promise<void> {
		await this.begin('index');
		if (this.#smallIndexes.add(this.#retried(task), locks)) await this.#submitSmallIndexes();
	}

	/** Runs a statement that begins or ends a transaction of the script's own. */
	async transaction(task: Omit<Task, 'run'> & Required<Pick<Task, 'statement'>>): Promise<void> {
		const { text, facts } = task.statement;
		await this.begin('other');
		// A COMMIT that fails has ended the transaction all the same.
		if (facts.transaction === 'ends') this.#inTransaction = false;
		const run = async () => {
			await runOne(this.pool.main, text);
			if (facts.transaction === 'begins') this.#inTransaction = true;
		};
		await this.attempt({ ...task, run });
	}

	/** Runs a task on each connection. */
	async everywhere(task: Task): Promise<void> {
		await this.begin('other');
		for (const client of this.pool.clients) if (!(await this.attempt(task, client))) return;
	}

	/** Runs a task while nothing else runs. */
	async alone(task: Task): Promise<void> {
		await this.begin('other');
		await this.attempt(task);
	}

	/** Loads rows beside others; resolves as soon as a connection has taken them. */
	async rows(task: Task): Promise<void> {
		await this.#concurrently('rows', [], task, 0);
	}

	/** Runs a statement beside others of its sort. */
	async beside(work: StatementFacts['work'], locks: Locks, task: Task): Promise<void> {
		await this.#concurrently(work, locks, task, BACKLOG);
	}

	async #concurrently(work: Work, locks: Locks, task: Task, backlog: number): Promise<void> {
		if (this.#inTransaction) return await this.alone(task);
		await this.begin(work);
		const retried = this.#retried(task);
		const run = async (client: Client) => void (await this.attempt(retried, client));
		await this.pool.submit({ locks, run }, backlog);
	}

	async #runDefinitions(): Promise<void> {
		await this.#attemptTogether(this.#definitions.take().tasks, this.pool.main);
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
		for (const task of tasks) await this.attempt(task, client);
	}

	/** A deadlock is nobody's fault, so the task is tried again when no other connection of ours is at work. */
	#retried(task: Task): Task {
		const run = async (client: Client, text?: string) => {
			try {
				await task.run(client, text);
			} catch (error) {
				if (sqlState(error) !== DEADLOCK) throw error;
				this.#postponed.push(task);
			}
		};
		return { ...task, run };
	}

	/** Runs a task now; false where it failed and the restore goes on all the same. @throws BackupError where it does not */
	async attempt(task: Task, client = this.pool.main): Promise<boolean> {
		try {
			if (this.#inTransaction && client === this.pool.main && this.failures.mayFail(task))
				await withSavepoint(client, () => task.run(client));
			else await task.run(client);
			return true;
		} catch (error) {
			throwIfCancelled(this.options.signal);
			const { severity } = error as { severity?: string };
			if (error instanceof BackupError || severity !== 'ERROR') throw refused(error, task.object, this.options.isWhole);
			const less = this.failures.withoutUnsupported(task, error);
			if (less) return await this.attempt(less, client);
			if (mayDependOnOtherRows(error) && task.defer?.()) return false;
			await this.failures.goOnWithout(task, error);
			return false;
		}
	}
}

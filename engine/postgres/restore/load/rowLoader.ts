import type { Client } from 'pg';

import { assertDataCopy } from '../../statements/forbidden';
import { objectName } from '../../statements/naming';
import type { CopyStep, RestoreStep } from '../source';

import { copyIn } from './copyIn';
import { DeferredRows } from './deferredRows';
import { missesSearchPath } from './hints';
import type { SearchPath } from './searchPath';
import type { Task, TaskFailures } from './taskFailures';
import type { TaskScheduler } from './taskScheduler';

/**
 * Loads rows, counts them, and tries those again that need rows which come after them. Rows for which a function looks by the search
 * path, in a check or a generated column, are tried with it in the end, as what is defined with such a function is.
 */
export class RowLoader {
	readonly #deferred = new DeferredRows();
	/** Numbers of the places of rows for which a function found something by no path. */
	readonly #byPath = new Set<number>();

	/** @param counts by table key; what is loaded is added */
	constructor(
		readonly scheduler: TaskScheduler,
		readonly failures: TaskFailures,
		readonly searchPath: SearchPath,
		readonly counts: Map<string, number>,
	) {}

	/** Whether what was to be created exists already, and its rows belong to somebody else. */
	async isOccupied(table: string): Promise<boolean> {
		await this.scheduler.settle(table);
		return this.failures.occupied.has(table);
	}

	/** @throws BackupError for a statement that is no COPY of rows into a table, and for rows that end the restore */
	async copy(step: CopyStep): Promise<void> {
		assertDataCopy(step.statement);
		if (step.table && (await this.isOccupied(step.table))) return;
		if (!this.#deferred.isAsked) {
			await this.scheduler.begin('other');
			await this.#deferred.ask(this.scheduler.pool.main);
		}
		if (this.#deferred.holdsBack(step)) return;
		const task: Task = { ...this.#loading(step), defer: () => this.#deferred.defer(step) };
		if (Buffer.isBuffer(step.rows)) await this.scheduler.rows(task);
		else await this.scheduler.alone(task);
	}

	/** Loads what was deferred. */
	async retry({ rows }: Extract<RestoreStep, { type: 'retry' }>): Promise<void> {
		await this.scheduler.begin('other');
		await this.#deferred.load(rows, async (step, isLastTry) => {
			const defer = isLastTry ? undefined : () => this.#deferred.defer(step);
			const isByPath = isLastTry && step.place !== undefined && this.#byPath.has(step.place.number);
			await this.scheduler.attempt({ ...this.#loading(step, isByPath), defer });
		});
	}

	/** Counts rows that were loaded into a table, also by other statements than COPY. */
	count(table: string, rows: number): void {
		this.counts.set(table, (this.counts.get(table) ?? 0) + rows);
	}

	#loading(step: CopyStep, isByPath = false): Task {
		const { comment, essential, release, statement, table } = step;
		const object = objectName(comment, statement);
		const run = async (client: Client) => {
			const load = async () => await this.#copied(client, step);
			const count = isByPath ? await this.searchPath.rows(client, load, { object, table }) : await load();
			if (table) this.count(table, count);
			release?.();
		};
		return { object, essential, run };
	}

	async #copied(client: Client, step: CopyStep): Promise<number> {
		try {
			return await copyIn(client, step);
		} catch (error) {
			if (step.place && missesSearchPath(error)) this.#byPath.add(step.place.number);
			throw error;
		}
	}
}

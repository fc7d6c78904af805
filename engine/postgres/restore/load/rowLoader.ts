import type { Client } from 'pg';

import { assertDataCopy } from '../../statements/forbidden';
import { objectName } from '../../statements/naming';
import type { CopyStep, RestoreStep } from '../source';

import { copyIn } from './copyIn';
import { DeferredRows } from './deferredRows';
import type { Task, TaskFailures } from './taskFailures';
import type { TaskScheduler } from './taskScheduler';

/** Loads rows, counts them, and tries those again that need rows which come after them. */
export class RowLoader {
	readonly #deferred = new DeferredRows();

	/** @param counts by table key; what is loaded is added */
	constructor(
		readonly scheduler: TaskScheduler,
		readonly failures: TaskFailures,
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
			await this.scheduler.attempt({ ...this.#loading(step), defer });
		});
	}

	/** Counts rows that were loaded into a table, also by other statements than COPY. */
	count(table: string, rows: number): void {
		this.counts.set(table, (this.counts.get(table) ?? 0) + rows);
	}

	#loading(step: CopyStep): Task {
		const { comment, essential, release, statement, table } = step;
		const run = async (client: Client) => {
			const count = await copyIn(client, step);
			if (table) this.count(table, count);
			release?.();
		};
		return { object: objectName(comment, statement), essential, run };
	}
}

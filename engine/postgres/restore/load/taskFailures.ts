import type { Client } from 'pg';

import { runOne } from '../../runOne';
import { serverMessage } from '../../serverMessage';
import type { StatementFacts } from '../../statements/facts';
import type { RestoreFailure } from '../report';
import type { RestoreStep } from '../source';

import type { ConnectionPool } from './connectionPool';
import { Dependencies } from './dependencies';
import { existsAlready, isDispensable, refused, sqlState, substituteFor } from './refusals';
import { mayHoldOptions, UnsupportedOptions } from './unsupportedOptions';

const UNDEFINED_TABLE = '42P01';

/** A piece of work in the target, and what is known of it when it fails. */
export interface Task {
	/** What it is about, for messages. */
	object: string;
	decision?: Extract<RestoreStep, { type: 'statement' }>['decision'];
	/** Ends the restore when it fails, even where errors are collected. */
	essential?: boolean;
	statement?: { text: string; facts: StatementFacts };
	/** Runs it; `text` is a statement to run in the place of its own. */
	run: (client: Client, text?: string) => Promise<unknown>;
	/** Defers it until other rows are there; returns false where it cannot be deferred. */
	defer?: () => boolean;
}

/**
 * Decides what becomes of a task that the server has refused: another form of it, a warning, a failure that is collected, or the
 * end of the restore.
 */
export class TaskFailures {
	readonly failures: RestoreFailure[] = [];
	/** What was left out or left as it was. */
	readonly warnings: string[] = [];
	/** Keys of tables and sequences that were to be created and exist already: what they hold belongs to somebody else. */
	readonly occupied = new Set<string>();
	readonly dependencies = new Dependencies();
	readonly unsupported = new UnsupportedOptions();

	/**
	 * @param options.collectErrors Whether to go on after a failed object, and report it.
	 * @param options.isWhole Whether all of the dump is restored.
	 */
	constructor(
		readonly pool: ConnectionPool,
		readonly options: { collectErrors: boolean; isWhole?: boolean },
	) {}

	/** The task without an option or a setting that the server does not support; undefined where it failed for another reason. */
	withoutUnsupported(task: Task, error: unknown): Task | undefined {
		const { object, statement } = task;
		const text = statement && this.unsupported.withoutRefused({ ...statement, object }, error);
		if (text === undefined) return undefined;
		const run = async (client: Client, less = text) => (less === '' ? undefined : await task.run(client, less));
		return { ...task, statement: { ...statement!, text }, run };
	}

	/** True where a failure of the task does not end the restore, and so must not end a transaction either. */
	mayFail(task: Task): boolean {
		const { decision = 'yes', defer, statement } = task;
		if (defer) return true;
		if (statement?.facts.transaction && !isDispensable(statement.text)) return false;
		if (statement && (isDispensable(statement.text) || mayHoldOptions(statement.text, statement.facts))) return true;
		return this.#collects(task) || decision !== 'yes';
	}

	#collects({ essential = false }: Task): boolean {
		return this.options.collectErrors && !essential;
	}

	/** Goes on where the task has failed. @throws BackupError where that is the end of the restore */
	async goOnWithout(task: Task, error: unknown): Promise<void> {
		const { object, decision = 'yes', statement } = task;
		if (statement && decision === 'dependency') {
			const warning = await this.dependencies.goOnWithout(this.pool.main, object, statement, error);
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
			if (statement) this.dependencies.leave(statement.facts);
			this.warnings.push(`${object} exists already and was left as it is.`);
		} else if (!this.#collects(task)) throw refused(error, object, this.options.isWhole);
		else {
			this.failures.push({ object, message: serverMessage(error) });
			if (statement) this.#noteOccupied(statement.facts, error);
		}
	}

	#noteOccupied({ verb, kind, table, ownedSequence }: StatementFacts, error: unknown): void {
		const makes = verb === 'CREATE' && (kind === 'TABLE' || kind === 'SEQUENCE');
		if (makes && table && existsAlready(error)) this.occupied.add(table);
		// A column that cannot be made an identity is one already, with a sequence of its own.
		if (kind === 'TABLE' && ownedSequence) this.occupied.add(ownedSequence);
	}
}

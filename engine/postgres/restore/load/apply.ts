import type { Client } from 'pg';

import { throwIfCancelled } from '../../../errors';
import { runOne } from '../../runOne';
import { assertPermitted } from '../../statements/forbidden';
import { objectName } from '../../statements/naming';
import { StatementReader } from '../../statements/reader';
import type { OwnerMapping } from '../options';
import type { RestoreFailure } from '../report';
import { endsInTransaction, type RestoreStep } from '../source';

import { ConnectionPool } from './connectionPool';
import { NamedRoles } from './namedRoles';
import { mapOwnership } from './ownership';
import { PartitionTree } from './partitions';
import { withPublicAsItIs } from './publicSchema';
import { RowLoader } from './rowLoader';
import { SearchPath } from './searchPath';
import { type Task, TaskFailures } from './taskFailures';
import { TaskScheduler } from './taskScheduler';
import { isSmall, mayRunTogether } from './together';

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
	/** Called once, while no connection is at work, before the first table, view or sequence is made: its extension is there by then. */
	beforeTables?: () => Promise<void>;
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

/** Kinds of statements that concern the session, so they run on all connections. */
const OF_SESSIONS = new Set(['SET', 'SESSION AUTHORIZATION']);

type Statement = Extract<RestoreStep, { type: 'statement' }>;

/**
 * Carries the steps of a source out in a database.
 *
 * How the steps move: they are asked for one by one. What a statement is decides whether it is sent, in which form, and beside what
 * it may run; when that is and on which connection, TaskScheduler knows. Rows go to RowLoader: `step` resolves as soon as a
 * connection has taken them, so the source reads the next frame meanwhile; rows that may need other rows are deferred.
 */
class Applier {
	objects = 0;
	readonly rows: Map<string, number>;
	readonly #failures: TaskFailures;
	readonly #scheduler: TaskScheduler;
	readonly #loader: RowLoader;
	readonly #reader = new StatementReader();
	readonly #partitions = new PartitionTree();
	readonly #named: NamedRoles;
	readonly #searchPath = new SearchPath();
	#hasTables = false;

	constructor(
		pool: ConnectionPool,
		readonly options: ApplyOptions,
	) {
		this.rows = options.loaded ?? new Map<string, number>();
		this.#failures = new TaskFailures(pool, options);
		this.#scheduler = new TaskScheduler(pool, this.#failures, options);
		this.#loader = new RowLoader(this.#scheduler, this.#failures, this.#searchPath, this.rows);
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
		else if (step.type === 'copy') await this.#loader.copy(step);
		else if (step.type === 'retry') await this.#loader.retry(step);
		else if (step.type === 'warning') this.#failures.warnings.push(step.text);
		else if (step.type === 'requirements') await this.#requirements();
		else await this.#batch(step);
	}

	async #requirements(): Promise<void> {
		await this.#scheduler.begin('other');
		await this.options.onRequirements?.();
	}

	async #batch({ essential, sql }: Extract<RestoreStep, { type: 'batch' }>): Promise<void> {
		await this.#scheduler.alone({ object: 'large objects', essential, run: (client) => client.query(sql) });
	}

	/** @throws BackupError ARCHIVE_INCOMPLETE where the script ends in the middle of a transaction. */
	async finish(): Promise<void> {
		await this.#scheduler.drain();
		this.#failures.warnings.push(
			...this.#failures.dependencies.warnings,
			...this.#failures.unsupported.warnings,
			...this.#named.warnings,
			...this.#searchPath.warnings,
		);
		if (this.#scheduler.inTransaction) throw endsInTransaction();
	}

	async #statement({ text, comment, decision = 'yes', table, essential }: Statement): Promise<void> {
		assertPermitted(text, this.#reader.standardStrings);
		const facts = this.#reader.read(text);
		const object = objectName(comment, text);
		const statement = { text, facts };
		if (facts.transaction) return await this.#scheduler.transaction({ object, essential, statement });
		if (facts.verb === 'CREATE' && facts.table !== undefined && !this.#hasTables) {
			this.#hasTables = true;
			await this.#scheduler.begin('other');
			await this.options.beforeTables?.();
		}
		this.#partitions.note(facts);
		const owned = mapOwnership(text, facts, this.options.owner, this.options.privileges);
		const sql = owned === undefined ? undefined : this.#named.fit(owned, facts, object);
		if (sql === undefined || (facts.role && !this.#failures.dependencies.mayBeGiven(facts, decision))) return;
		if (OF_SESSIONS.has(facts.kind))
			return await this.#scheduler.everywhere({ object, statement, essential, run: (client) => runOne(client, sql) });
		const filled = facts.kind === 'SEQUENCE SET' ? facts.table : table;
		if (filled && (await this.#loader.isOccupied(filled))) return;
		const isDependency = decision === 'dependency' || decision === 'keep';
		if (!isDependency && !table) this.objects++;
		const fitting = withPublicAsItIs(sql, facts);
		const known = this.#failures.unsupported.withoutKnown({ text: fitting, facts, object });
		if (known === '') return;
		const run = async (client: Client, less = known) => {
			// What fails within a transaction ends it: there is no second try.
			const { rowCount } = this.#scheduler.inTransaction
				? await runOne(client, less)
				: await this.#searchPath.run(client, less, { object, facts });
			if (isDependency) this.objects++;
			if (isDependency && facts.verb === 'CREATE') this.#failures.dependencies.made(facts, object, decision);
			if (table) this.#loader.count(table, rowCount ?? 0);
		};
		const task: Task = { object, decision, statement: { text: known, facts }, essential, run };
		const mayShare = !this.#scheduler.inTransaction && decision === 'yes' && !table && mayRunTogether(facts, known);
		const scheduler = this.#scheduler;
		if (facts.work === 'other') return await (mayShare ? scheduler.define(task) : scheduler.alone(task));
		const locks = this.#partitions.locks(facts);
		if (mayShare && facts.work === 'index' && isSmall(facts, this.rows)) return await scheduler.smallIndex(task, locks);
		await scheduler.beside(facts.work, locks, task);
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
	const applier = new Applier(new ConnectionPool(clients), options);
	for await (const step of steps) await applier.step(step);
	await applier.finish();
	return applier;
}

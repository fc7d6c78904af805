import type { Client } from 'pg';

import { findRelations, type TargetRelation } from '../../relations';
import { describeStatement } from '../../statements/statement';
import { checkComplete, postRestoreWarnings } from '../checks';
import type { RestoreTarget } from '../options';
import {
	type CopyStep,
	type FilledTables,
	type RestoreSelection,
	type RestoreStep,
	type SourceFacts,
	withoutTransactions,
} from '../source';

import { checkMadeAnew, dropTables } from './dropTables';
import { checkFillable, type Emptying, emptyTables, lockForEmptying, planEmptying } from './emptyTables';
import { spareExtensionTables, withoutSpared } from './extensionTables';
import { fillsLargeObject, overLargeObjects } from './largeObjects';
import type { Progress } from './progress';
import { positionsLast } from './sequencePositions';
import { TriggersAndKeys } from './triggersAndKeys';

interface IntoExisting {
	target: Extract<RestoreTarget, { type: 'existing' }>;
	selection: RestoreSelection;
	facts: SourceFacts;
	progress: Progress;
	/** Creates what the steps take for granted. */
	prepare: () => Promise<void>;
	/** Whether session_replication_role is `replica`, so that foreign keys and most triggers are off. */
	isReplica: boolean;
	signal?: AbortSignal;
}

const control = (text: 'BEGIN' | 'COMMIT'): RestoreStep => ({ type: 'statement', text, comment: '', essential: true });

/** True for settings of the session and for warnings. */
function changesNothing(step: RestoreStep): boolean {
	if (step.type !== 'statement') return step.type === 'warning';
	return /^(?:SET|RESET|BEGIN|SELECT pg_catalog\.set_config)\b/.test(step.text);
}

/** True for the first rows or position of a sequence: by then everything that has them is defined. */
function endsDefinitions(step: RestoreStep): boolean {
	return step.type !== 'statement' || ['INSERT', 'SEQUENCE SET'].includes(describeStatement(step.text).kind);
}

/** Rows that cannot be loaded after others were taken away would be lost, so they end the restore even where errors are collected. */
function withEssentialRows(step: RestoreStep): RestoreStep {
	if (step.type === 'retry') return { ...step, rows: (places) => essentialRows(step.rows(places)) };
	// The contents of large objects are rows as well.
	const bringsRows =
		step.type === 'copy' ||
		step.type === 'batch' ||
		(step.type === 'statement' && (step.table !== undefined || fillsLargeObject(step.text)));
	return bringsRows ? { ...step, essential: true } : step;
}

async function* essentialRows(steps: AsyncIterable<CopyStep>): AsyncGenerator<CopyStep> {
	for await (const step of steps) yield { ...step, essential: true };
}

/**
 * The steps of a restore into a database that holds something already. Before the steps of the source come those that make room
 * for them: tables are emptied or dropped, and triggers and keys disabled. Whatever takes something away is one transaction.
 */
export class ExistingTarget {
	/** True once it is known that foreign keys and triggers were in force while rows were loaded. */
	wereEnforced = false;
	#filled: FilledTables = new Map<string, undefined>();
	/** Keys of tables and sequences of extensions whose contents stay as they are. */
	#spared: ReadonlySet<string> = new Set<string>();

	constructor(
		readonly client: Client,
		readonly into: IntoExisting,
	) {}

	/** Between BEGIN and COMMIT, the steps have to be carried out on the given connection. */
	async *steps(source: AsyncIterable<RestoreStep>): AsyncGenerator<RestoreStep> {
		const { client } = this;
		const { facts, isReplica, target, selection, prepare } = this.into;
		// The server is to refuse a query of rows that a policy hides, rather than to answer that there are none.
		await client.query('SET row_security = off');
		this.#filled = await this.#fillable();
		const tables = await findRelations(client, this.#filled.keys());
		const spared = await spareExtensionTables(client, tables);
		this.#spared = spared.keys;
		for (const text of spared.warnings) yield { type: 'warning', text };
		const steps = withoutSpared(overLargeObjects(client, source, selection.dataOnly === true), spared);
		if (target.before === 'drop') yield* this.#inOneTransaction(this.#dropping(steps));
		else if (target.before === 'truncate') yield* this.#emptying(steps, tables);
		else if ((selection.dataOnly || facts.ordered) && !isReplica) yield* this.#adding(steps, tables);
		else {
			await prepare();
			yield* this.#watched(steps);
		}
	}

	/** Checks the database once everything is loaded. Returns warnings. */
	async afterwards(): Promise<string[]> {
		const { facts, isReplica, selection } = this.into;
		const keys = [...this.#filled.keys()].filter((key) => !this.#spared.has(key));
		return await postRestoreWarnings(this.client, await findRelations(this.client, keys), {
			refreshed: selection.dataOnly ? new Set() : this.#chosen(facts.relations),
			unchecked: isReplica,
		});
	}

	#chosen(keys: Iterable<string>): Set<string> {
		const filter = this.into.facts.filter(this.into.selection);
		return new Set([...keys].filter((key) => filter.wantsTable(key)));
	}

	/** The tables that will be filled. Where nothing is taken away, the list of the backup suffices; else its rows tell. */
	async #fillable(): Promise<FilledTables> {
		const { target, facts, selection, signal } = this.into;
		if (target.before !== 'nothing') return await facts.filled(selection, signal);
		return new Map([...this.#chosen(facts.expectedRows?.keys() ?? [])].map((key) => [key, undefined]));
	}

	/** Notes what was changed. A step is done, or at least under way, by the time the next one is asked for. */
	async *#watched(steps: AsyncIterable<RestoreStep>): AsyncGenerator<RestoreStep> {
		const { progress } = this.into;
		for await (const step of steps) {
			const changes = !changesNothing(step);
			if (changes) progress.begin();
			yield step;
			if (changes) progress.changed = true;
		}
	}

	/** Puts all steps into one transaction: whatever fails or is interrupted leaves everything as it was. */
	async *#inOneTransaction(steps: AsyncIterable<RestoreStep>): AsyncGenerator<RestoreStep> {
		const { progress } = this.into;
		yield control('BEGIN');
		for await (const step of positionsLast(this.#checked(steps))) yield withEssentialRows(step);
		progress.begin();
		yield control('COMMIT');
		progress.changed = true;
	}

	async *#checked(steps: AsyncIterable<RestoreStep>): AsyncGenerator<RestoreStep> {
		yield* steps;
		if (this.into.target.before !== 'nothing') this.#checkComplete();
	}

	#checkComplete(): void {
		const { facts, progress, selection } = this.into;
		const filter = facts.filter(selection);
		checkComplete(progress.rows, facts, (table) => filter.wantsTable(table) && !this.#spared.has(table));
	}

	async *#emptying(steps: AsyncIterable<RestoreStep>, tables: TargetRelation[]): AsyncGenerator<RestoreStep> {
		const { facts, selection } = this.into;
		const emptying = await planEmptying(this.client, { facts, selection, filled: this.#filled }, tables);
		for (const text of emptying.warnings) yield { type: 'warning', text };
		const filled = this.#notSpared(tables);
		await checkFillable(this.client, filled);
		yield* this.#inOneTransaction(
			this.#unenforced(steps, [...filled, ...emptying.wholes, ...emptying.tables], emptying),
		);
	}

	/**
	 * Adds rows to those that are there, for a user who may not set session_replication_role. Triggers and keys are disabled as
	 * they are when tables are emptied, if the user may do that; otherwise they stay in force.
	 */
	async *#adding(steps: AsyncIterable<RestoreStep>, tables: TargetRelation[]): AsyncGenerator<RestoreStep> {
		const filled = this.#notSpared(tables);
		const { beyondRights } = await TriggersAndKeys.on(this.client, filled, false);
		this.wereEnforced = beyondRights !== undefined;
		if (this.wereEnforced) yield* this.#watched(steps);
		else yield* this.#inOneTransaction(this.#unenforced(steps, filled));
	}

	/** Runs the steps while triggers, rules and keys of the tables are disabled. Belongs into a transaction. */
	async *#unenforced(
		steps: AsyncIterable<RestoreStep>,
		tables: TargetRelation[],
		emptying?: Emptying,
	): AsyncGenerator<RestoreStep> {
		await lockForEmptying(this.client, emptying?.tables ?? tables);
		const enforced = await TriggersAndKeys.on(this.client, tables, this.into.isReplica);
		enforced.checkRights();
		await enforced.disable();
		if (emptying) await emptyTables(this.client, emptying);
		yield* withoutTransactions(steps);
		await enforced.enable();
	}

	#notSpared(tables: TargetRelation[]): TargetRelation[] {
		return tables.filter(({ key }) => !this.#spared.has(key));
	}

	/** A definition that the database refuses ends the restore, even where errors are collected. */
	async *#dropping(steps: AsyncIterable<RestoreStep>): AsyncGenerator<RestoreStep> {
		const { client } = this;
		const { facts, selection, prepare } = this.into;
		const dropped = await dropTables(client, { facts, selection, filled: this.#filled });
		await prepare();
		let defining = true;
		for await (const step of withoutTransactions(steps)) {
			if (defining && endsDefinitions(step)) {
				await checkMadeAnew(client, dropped);
				defining = false;
			}
			yield defining && step.type === 'statement' ? { ...step, essential: true } : step;
		}
		if (defining) await checkMadeAnew(client, dropped);
	}
}

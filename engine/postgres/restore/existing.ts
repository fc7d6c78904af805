import type { Client } from 'pg';

import { describeStatement } from '../statements/statement';

import { lookAround } from './aftermath';
import { checkMadeAnew, dropTables } from './dropTables';
import { emptyTables, planEmptying } from './emptyTables';
import { spareExtensionTables, withoutSpared } from './extensionTables';
import { overLargeObjects } from './largeObjects';
import type { Progress } from './progress';
import type { RestoreTarget } from './restoreDatabase';
import type { RestoreSelection } from './selection';
import type { FilledTables, RestoreStep, SourceFacts } from './source';
import { findRelations } from './targetRelations';

interface IntoExisting {
	target: Extract<RestoreTarget, { type: 'existing' }>;
	selection: RestoreSelection;
	facts: SourceFacts;
	progress: Progress;
	/** Makes what the steps take for granted. */
	prepare: () => Promise<void>;
	signal?: AbortSignal;
}

const control = (text: 'BEGIN' | 'COMMIT'): RestoreStep => ({ type: 'statement', text, comment: '', essential: true });

/** Settings of the session change nothing in the database. */
function changesNothing(step: RestoreStep): boolean {
	if (step.type !== 'statement') return step.type === 'warning';
	return /^(?:SET|RESET|BEGIN|SELECT pg_catalog\.set_config)\b/.test(step.text);
}

/** Rows, and transactions of the script's own, come after the definitions that are made in one transaction. */
function endsDefinitions(step: RestoreStep): boolean {
	return step.type !== 'statement' || describeStatement(step.text).transaction !== undefined;
}

/** The steps of a restore into a database that holds something already, with what makes room for them before. */
export class ExistingTarget {
	#filled: FilledTables = new Map<string, undefined>();
	/** Whose contents stay as they are. */
	#spared: ReadonlySet<string> = new Set<string>();

	constructor(
		readonly client: Client,
		readonly into: IntoExisting,
	) {}

	/** Whoever carries the steps out does so on the given connection between BEGIN and COMMIT. */
	async *steps(source: AsyncIterable<RestoreStep>): AsyncGenerator<RestoreStep> {
		const { client } = this;
		const { target, facts, selection, progress, prepare } = this.into;
		// What policies hide is there all the same: the server is to refuse rather than to show nothing.
		await client.query('SET row_security = off');
		this.#filled = await this.#fillable();
		const tables = await findRelations(client, this.#filled.keys());
		const spared = await spareExtensionTables(client, tables);
		this.#spared = spared.keys;
		for (const text of spared.warnings) yield { type: 'warning', text };
		const steps = withoutSpared(overLargeObjects(client, source, selection.dataOnly === true), spared);
		if (target.before === 'drop') {
			yield* this.#dropping(steps);
			return;
		}
		if (target.before === 'truncate') {
			const emptying = await planEmptying(client, { facts, selection, filled: this.#filled }, tables);
			for (const text of emptying.warnings) yield { type: 'warning', text };
			if (emptying.tables.length > 0) {
				await emptyTables(client, emptying);
				await progress.change(() => client.query('COMMIT'));
			}
		}
		await prepare();
		yield* this.#watched(steps);
	}

	/** What is to be told once all is loaded. */
	async afterwards(triggersOff: boolean): Promise<string[]> {
		const { facts, selection } = this.into;
		const keys = [...this.#filled.keys()].filter((key) => !this.#spared.has(key));
		return await lookAround(this.client, await findRelations(this.client, keys), {
			refreshed: selection.dataOnly ? new Set() : this.#chosen(facts.relations),
			unchecked: triggersOff,
		});
	}

	#chosen(keys: Iterable<string>): Set<string> {
		const filter = this.into.facts.filter(this.into.selection);
		return new Set([...keys].filter((key) => filter.wantsTable(key)));
	}

	/** Where nothing is taken away, what the backup lists will do; else its rows are asked. */
	async #fillable(): Promise<FilledTables> {
		const { target, facts, selection, signal } = this.into;
		if (target.before !== 'nothing') return await facts.filled(selection, signal);
		return new Map([...this.#chosen(facts.expectedRows?.keys() ?? [])].map((key) => [key, undefined]));
	}

	/** A step is done by the time that the next one is asked for, or at least under way. */
	async *#watched(steps: AsyncIterable<RestoreStep>): AsyncGenerator<RestoreStep> {
		const { progress } = this.into;
		for await (const step of steps) {
			const changes = !changesNothing(step);
			if (changes) progress.begin();
			yield step;
			if (changes) progress.changed = true;
		}
	}

	/**
	 * What is dropped is made again in the same transaction, so that a definition which the database refuses takes nothing
	 * away, whether errors are collected or not.
	 */
	async *#dropping(steps: AsyncIterable<RestoreStep>): AsyncGenerator<RestoreStep> {
		const { client } = this;
		const { facts, selection, progress, prepare } = this.into;
		yield control('BEGIN');
		const dropped = await dropTables(client, { facts, selection, filled: this.#filled });
		await prepare();
		let open = true;
		const commit = async function* () {
			await checkMadeAnew(client, dropped);
			progress.begin();
			yield control('COMMIT');
			open = false;
			progress.changed = true;
		};
		for await (const step of steps) {
			if (open && endsDefinitions(step)) yield* commit();
			yield open && step.type === 'statement' ? { ...step, essential: true } : step;
		}
		if (open) yield* commit();
	}
}

import { listed } from '../../../errors';
import type { StatementFacts } from '../../statements/facts';
import { StatementReader } from '../../statements/reader';

import type { SelectionFilter } from './selection';
import type { RestoreStep } from './source';

type StatementStep = Extract<RestoreStep, { type: 'statement' }>;

/** What a restore does by itself, in its own way. */
const OURS = new Set(['CREATE DATABASE', 'DROP DATABASE', 'UPDATE DATABASE']);

/** Names of sequences in one message. */
const NAMES = 20;

function labelOf({ kind, verb }: StatementFacts): string {
	return ['COMMENT', 'GRANT', 'REVOKE', 'SECURITY'].includes(verb) ? `${verb} ON ${kind}` : `${verb} ${kind}`;
}

function changesOnlySession({ cluster, kind, transaction }: StatementFacts): boolean {
	return cluster === true || kind === 'SET' || kind === 'SESSION AUTHORIZATION' || transaction !== undefined;
}

/** How often something was left out, by what it is. */
class Tally {
	readonly #counts = new Map<string, number>();

	add(label: string): void {
		this.#counts.set(label, (this.#counts.get(label) ?? 0) + 1);
	}

	get labels(): string[] {
		return [...this.#counts].map(([label, count]) => (count > 1 ? `${label} (${count})` : label));
	}
}

/** Turns the statements of a script, taken in their order, into steps, as far as a selection wants them. */
export class StatementChooser {
	readonly #reader = new StatementReader();
	readonly #ofServer = new Tally();
	/** Drops of what the script may have made itself: pg_dump drops before it makes anything. */
	readonly #drops = new Tally();
	#madeSomething = false;
	/**
	 * Steps that replace views before the script has made anything, with the keys of these. Where views and others need one
	 * another in a circle, pg_dump --clean puts a view that needs nothing in the place of one, so that it can drop them all
	 * one by one. What is dropped later was such a stand-in.
	 */
	readonly #standIns: Array<{ steps: StatementStep[]; view: string | undefined }> = [];
	#largeObjects = false;
	/** Sequences that the script makes, so that it says whose they are; and positions of others. */
	readonly #sequences = new Set<string>();
	readonly #notSet = new Set<string>();
	/**
	 * What ties chosen partitions to a table that was not chosen. That table may have indexes: partitions must have theirs
	 * before, which it adopts, or it gives them new ones.
	 */
	readonly #attachments: Array<{ step: StatementStep; partition: string }> = [];

	constructor(readonly filter: SelectionFilter) {}

	/** The steps for a statement: none where it is not wanted, or not yet. */
	*choose(text: string, comment: string): Generator<StatementStep> {
		const facts = this.#reader.read(text);
		if (facts.replaces && !this.#madeSomething) {
			this.#standIns.push({ steps: [...this.#chosen(facts, text, comment)], view: facts.table });
			return;
		}
		if (facts.drops) this.#forget(facts);
		else if (!changesOnlySession(facts)) yield* this.#replaceViews();
		yield* this.#chosen(facts, text, comment);
	}

	#forget({ kind, table }: StatementFacts): void {
		if (kind !== 'VIEW') return;
		for (const standIn of this.#standIns) if (standIn.view === table) standIn.steps = [];
	}

	/** The views that nothing has dropped since, which the script means to make. */
	*#replaceViews(): Generator<StatementStep> {
		const steps = this.#standIns.splice(0).flatMap((standIn) => standIn.steps);
		this.#madeSomething ||= steps.length > 0;
		yield* steps;
	}

	*#chosen(facts: StatementFacts, text: string, comment: string): Generator<StatementStep> {
		const decision = this.filter.decide(facts);
		this.#madeSomething ||= facts.verb === 'CREATE' && !facts.replaces && !facts.cluster;
		if (facts.verb === 'CREATE' && facts.kind === 'SEQUENCE' && facts.table) this.#sequences.add(facts.table);
		if (facts.ownedSequence) this.#sequences.add(facts.ownedSequence);
		if (decision === 'no') {
			this.#leaveOut(facts);
			return;
		}
		const step: StatementStep = { type: 'statement', text, comment, decision };
		if (decision === 'attach') {
			this.#attachments.push({ step, partition: facts.attached ?? '' });
			return;
		}
		// A statement that looks at all rows of a table has to see those of its partitions.
		if (facts.work === 'foreign-key' || facts.verb === 'REFRESH') yield* this.#attach();
		yield facts.kind === 'INSERT' ? { ...step, table: facts.table } : step;
	}

	/** From the top down: each partition takes over properties of the tables above it. */
	*#attach(): Generator<StatementStep> {
		const depth = (partition: string) => this.filter.depth(partition);
		const attachments = this.#attachments.splice(0).sort((a, b) => depth(a.partition) - depth(b.partition));
		for (const { step } of attachments) yield step;
	}

	/** The table that a COPY fills, and whether it is wanted. */
	copied(statement: string): { table: string | undefined; wanted: boolean } {
		const facts = this.#reader.read(statement);
		return { table: facts.table, wanted: this.filter.decide(facts) !== 'no' };
	}

	/** What comes after all the rest: ties to what was not chosen, and what is to be said of what was left out. */
	*end(): Generator<RestoreStep> {
		yield* this.#replaceViews();
		yield* this.#attach();
		for (const text of this.#warnings()) yield { type: 'warning', text };
	}

	*#warnings(): Generator<string> {
		const { all, byTable, selection } = this.filter;
		if (all && !selection.dataOnly) {
			const labels = this.#ofServer.labels;
			if (labels.length > 0) yield leftOut(labels);
			const drops = this.#drops.labels;
			if (drops.length > 0)
				yield `Nothing that the script would take away was taken away: ${drops.join(', ')}. Carry it out yourself where it is wanted.`;
		}
		if (!all && this.#largeObjects)
			yield 'The large objects of the dump were left out: they belong to no schema and no table.';
		if (byTable && this.#notSet.size > 0) yield notSet([...this.#notSet]);
	}

	#leaveOut(facts: StatementFacts): void {
		const label = labelOf(facts);
		if (facts.cluster && !OURS.has(label)) this.#ofServer.add(label);
		if (facts.drops && this.#madeSomething && !facts.cluster) this.#drops.add(label);
		if (facts.kind === 'LARGE OBJECT' && !facts.drops) this.#largeObjects = true;
		if (
			facts.kind === 'SEQUENCE SET' &&
			facts.table &&
			!this.#sequences.has(facts.table) &&
			!this.filter.isOwned(facts.table)
		)
			this.#notSet.add(facts.table);
	}
}

/** The warning for what concerns more than the restored database's contents. */
export function leftOut(labels: string[]): string {
	return `The dump also holds statements on the database as a whole or on the server, which were left out: ${labels.join(', ')}. Carry them out yourself where they are wanted.`;
}

function notSet(keys: string[]): string {
	const names = keys.map((key) => key.replace('\0', '.'));
	return `The dump holds rows alone, so it does not say to which tables its sequences belong. Not set were: ${listed(names, NAMES)}. Set those of the chosen tables yourself (setval), or choose their schema.`;
}

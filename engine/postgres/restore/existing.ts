import type { Client } from 'pg';

import { dropRelations, truncateTables } from './emptyTables';
import { overLargeObjects } from './largeObjects';
import type { Progress } from './progress';
import type { RestoreTarget } from './restoreDatabase';
import type { RestoreSelection } from './selection';
import type { RestoreStep, SourceFacts } from './source';
import { describeStatement } from '../statements/statement';

interface IntoExisting {
	steps: AsyncIterable<RestoreStep>;
	target: Extract<RestoreTarget, { type: 'existing' }>;
	selection: RestoreSelection;
	facts: SourceFacts;
	progress: Progress;
	/** Makes what the steps take for granted. */
	prepare: () => Promise<void>;
}

const control = (text: 'BEGIN' | 'COMMIT'): RestoreStep => ({ type: 'statement', text, comment: '' });

/** Settings of the session change nothing in the database. */
function changesNothing(step: RestoreStep): boolean {
	if (step.type !== 'statement') return step.type === 'warning';
	return /^(?:SET|RESET|BEGIN|SELECT pg_catalog\.set_config)\b/.test(step.text);
}

/** Rows, and transactions of the script's own, come after the definitions that are made in one transaction. */
function endsDefinitions(step: RestoreStep): boolean {
	return step.type !== 'statement' || describeStatement(step.text).transaction !== undefined;
}

/** A step is done by the time that the next one is asked for, or at least under way. */
async function* watched(steps: AsyncIterable<RestoreStep>, progress: Progress): AsyncGenerator<RestoreStep> {
	for await (const step of steps) {
		yield step;
		if (!changesNothing(step)) progress.changed = true;
	}
}

/**
 * What is dropped is made again in the same transaction, so that a definition which the database refuses takes nothing
 * away. Whoever carries the steps out does so on the given connection between BEGIN and COMMIT.
 */
async function* dropping(client: Client, into: IntoExisting): AsyncGenerator<RestoreStep> {
	yield control('BEGIN');
	await dropRelations(client, into.facts, into.selection);
	await into.prepare();
	let committed = false;
	for await (const step of into.steps) {
		if (!committed && endsDefinitions(step)) {
			yield control('COMMIT');
			committed = into.progress.changed = true;
		}
		yield step;
	}
	if (!committed) yield control('COMMIT');
	into.progress.changed = true;
}

/** The steps into a database that holds something already, with what makes room for them before. */
export async function* stepsIntoExisting(client: Client, into: IntoExisting): AsyncGenerator<RestoreStep> {
	const { target, facts, selection, progress, prepare } = into;
	const steps = overLargeObjects(client, into.steps, selection.dataOnly === true);
	if (target.before === 'drop') {
		yield* dropping(client, { ...into, steps });
		return;
	}
	if (target.before === 'truncate') {
		await truncateTables(client, facts, selection);
		progress.changed = true;
	}
	await prepare();
	yield* watched(steps, progress);
}

/**
 * Compares the workflows of two sides. How they move: of the one side, a digest of each workflow is kept; the other side is
 * read, and what has another digest is held until there are 32 MiB of it. Then the first side is read once more for their
 * partners. So memory is bounded, and where little was changed, each side is read once or twice.
 */
import { BackupError } from '../../../errors';
import type { WorkflowSide } from '../side';
import { idOf, type Workflow } from '../workflow';
import { type Change, compareWorkflow, isSubstance } from './compareWorkflow';
import { type BesideChange, compareBeside } from './compareBeside';
import { digestOf } from './digest';
import { assertMatchBy, type MatchBy } from './matchBy';

/** What has become of one workflow. */
export interface ComparedWorkflow {
	/** `moved`: nodes stand elsewhere on the canvas, and nothing else was changed. */
	result: 'added' | 'removed' | 'changed' | 'moved';
	id: string | undefined;
	/** As it is called afterwards. */
	name: string;
	/** Empty where it was added or removed. */
	changes: Change[];
}

export interface ComparedSides {
	added: number;
	removed: number;
	changed: number;
	moved: number;
	unchanged: number;
}

export interface CompareOptions {
	/** What was. */
	before: WorkflowSide;
	/** What is. */
	after: WorkflowSide;
	matchBy: MatchBy;
	/** Called for each workflow that is not the same on both sides. */
	onWorkflow: (compared: ComparedWorkflow) => void;
	/** Called for each change of what lies beside the workflows on both sides; without it, only workflows are compared. */
	onBeside?: ((change: BesideChange) => void) | undefined;
	signal?: AbortSignal | undefined;
}

const HELD_BYTES = 32 * 1024 * 1024;

/** @throws BackupError INVALID_INPUT where nothing of both sides is chosen; as reading them does */
export async function compareWorkflows({
	before,
	after,
	matchBy,
	onWorkflow,
	onBeside,
	signal,
}: CompareOptions): Promise<ComparedSides> {
	assertMatchBy(matchBy);
	const known = new Map<string, { id: string | undefined; name: string; digest: string }>();
	const keyed = (visit: (key: string, workflow: Workflow) => void | Promise<void>) => {
		const keys = new Keys(matchBy);
		return async (workflow: Workflow) => await visit(keys.of(workflow), workflow);
	};
	await before.each(
		keyed((key, workflow) => {
			known.set(key, { id: idOf(workflow), name: workflow.name, digest: digestOf(workflow) });
		}),
		signal,
	);
	const result: ComparedSides = { added: 0, removed: 0, changed: 0, moved: 0, unchanged: 0 };
	const tell = (compared: ComparedWorkflow) => {
		result[compared.result]++;
		onWorkflow(compared);
	};
	const held = new Map<string, Workflow>();
	let heldBytes = 0;
	const judgeHeld = async () => {
		if (held.size === 0) return;
		await before.each(
			keyed((key, workflow) => {
				const partner = held.get(key);
				if (!partner) return;
				held.delete(key);
				const compared = judged(workflow, partner);
				if (compared) tell(compared);
				else result.unchanged++;
			}),
			signal,
		);
		// Of an n8n, what was deleted while it was read.
		for (const workflow of held.values()) tell(added(workflow));
		held.clear();
		heldBytes = 0;
	};
	await after.each(
		keyed(async (key, workflow) => {
			const partner = known.get(key);
			known.delete(key);
			if (!partner) tell(added(workflow));
			else if (partner.digest === digestOf(workflow)) result.unchanged++;
			else {
				held.set(key, workflow);
				heldBytes += JSON.stringify(workflow).length;
				if (heldBytes > HELD_BYTES) await judgeHeld();
			}
		}),
		signal,
	);
	await judgeHeld();
	for (const { id, name } of known.values()) tell({ result: 'removed', id, name, changes: [] });
	if (Object.values(result).every((count) => count === 0)) throw nothingChosen();
	if (onBeside) {
		const was = await before.beside(signal);
		for (const change of compareBeside(was, await after.beside(signal, was), matchBy)) onBeside(change);
	}
	return result;
}

/** It would read as if nothing differed. */
function nothingChosen(): BackupError {
	return new BackupError('INVALID_INPUT', 'None of the workflows that are chosen is in the backup, or there now.', {
		hint: 'Look at the names, tags, projects and states in Selection.',
	});
}

function added(workflow: Workflow): ComparedWorkflow {
	return { result: 'added', id: idOf(workflow), name: workflow.name, changes: [] };
}

function judged(before: Workflow, after: Workflow): ComparedWorkflow | undefined {
	const changes = compareWorkflow(before, after);
	if (changes.length === 0) return undefined;
	const result = changes.some(isSubstance) ? 'changed' : 'moved';
	return { result, id: idOf(after), name: after.name, changes };
}

/** Names are not unique in n8n: the second one of a name belongs to the second one of the other side. */
class Keys {
	readonly #seen = new Map<string, number>();

	constructor(private readonly matchBy: MatchBy) {}

	of(workflow: Workflow): string {
		const id = this.matchBy === 'id' ? idOf(workflow) : undefined;
		const key = id === undefined ? `name ${workflow.name}` : `id ${id}`;
		const count = this.#seen.get(key) ?? 0;
		this.#seen.set(key, count + 1);
		return count === 0 ? key : `${key} ${count}`;
	}
}

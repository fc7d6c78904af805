/** What an import does with each workflow, decided before anything is changed. */
import { createHash } from 'node:crypto';

import { BackupError } from '../../../errors';
import type { N8nApi } from '../../api';
import { chosenBy } from '../choice';
import { canonical } from '../compare/digest';
import { listWorkflows } from '../list';
import type { WorkflowSide } from '../side';
import { asWorkflow, descriptionOf, idOf, isActive, isArchived, tagsOf, textIn, type Workflow } from '../workflow';
import { importBody, type ImportBody } from './body';
import type { WithCredentials } from './credentials';
import { referencesOf, withReferences } from './references';

/**
 * `create`: as new workflows, beside those that are there. `updateById`, `updateByName`: over the one with this id or name, and
 * as a new one where there is none.
 */
export type ImportMode = 'create' | 'updateById' | 'updateByName';
const MODES: readonly string[] = ['create', 'updateById', 'updateByName'] satisfies ImportMode[];

/** Another one must not be taken for one that overwrites. @throws BackupError INVALID_INPUT */
export function assertMode(mode: string): void {
	if (MODES.includes(mode)) return;
	throw new BackupError('INVALID_INPUT', `"${String(mode).slice(0, 40)}" is no mode of an import.`, {
		hint: `Use one of ${MODES.join(', ')}. Nothing was changed.`,
	});
}

/** `unchanged`: what stands there is the same. `skip`: it is left out, for a reason. */
export type ImportAction = 'create' | 'update' | 'unchanged' | 'skip';

export interface PlannedWorkflow {
	action: ImportAction;
	name: string;
	/** In the backup. */
	sourceId: string | undefined;
	/** In the n8n that is imported into; undefined for one that is new. */
	id: string | undefined;
	/** Why it is left out. */
	reason?: string;
	/** Whether it is active in the backup. */
	isActive: boolean;
	credentialsMapped: number;
	credentialsMissing: string[];
	/** Ids of workflows that it names and that are neither there nor imported. */
	workflowsMissing: string[];
	/** What the API does not take. */
	dropped: string[];
}

export interface ImportPlan {
	/** In the order of the file. */
	workflows: PlannedWorkflow[];
	/** The ids in the n8n that is imported into, by those in the backup, as far as they are known. */
	ids: Map<string, string>;
	/** What could not be made certain. */
	warnings: string[];
}

interface PlanOptions {
	mode: ImportMode;
	withArchived: boolean;
	/** A workflow with what that n8n has in place of what it names. */
	applied: (workflow: Workflow) => WithCredentials;
}

/**
 * Reads all of the side, and what it is compared with, and changes nothing.
 * @throws BackupError as reading the side and the API does
 */
export async function planImport(
	side: WorkflowSide,
	api: N8nApi,
	{ mode, withArchived, applied }: PlanOptions,
	signal: AbortSignal | undefined,
): Promise<ImportPlan> {
	const targets = await Targets.of(api, signal);
	const ids = new Map<string, string>();
	const workflows: PlannedWorkflow[] = [];
	const named: Named[] = [];
	await side.each(async (original) => {
		const { workflow, mapped, missing } = applied(original);
		const sourceId = idOf(workflow);
		const decision =
			isArchived(workflow) && !withArchived
				? { action: 'skip' as const, reason: 'It is archived in the backup.' }
				: await targets.decide(workflow, mode);
		const id = 'id' in decision ? decision.id : undefined;
		if (sourceId !== undefined && id !== undefined) ids.set(sourceId, id);
		named.push({ wanted: referencesOf(workflow), standing: 'references' in decision ? decision.references : [] });
		const { action } = decision;
		workflows.push({
			action,
			name: workflow.name,
			sourceId,
			id,
			...('reason' in decision && { reason: decision.reason }),
			isActive: isActive(workflow),
			credentialsMapped: mapped,
			credentialsMissing: missing,
			workflowsMissing: [],
			dropped: importBody(workflow, true).dropped,
		});
	}, signal);
	const imported = new Set(workflows.flatMap(({ action, sourceId }) => (action === 'skip' ? [] : [sourceId])));
	for (const [index, planned] of workflows.entries()) {
		const wanted = new Set(named[index]?.wanted);
		planned.workflowsMissing = [...wanted].filter((id) => !imported.has(id) && !targets.has(id));
	}
	const plan = { workflows, ids, warnings: targets.warnings };
	judgeReferences(plan, named, mode === 'create' ? targets : undefined);
	return plan;
}

/** The ids of the workflows that one names: in the backup, and in the n8n that is imported into. */
interface Named {
	wanted: string[];
	standing: string[];
}

/**
 * What seems to be the same may name other workflows: it is updated. Where only new ones are to be made, it is another workflow
 * instead, unless it names those of the backup, under ids that this n8n does not know: then a run before has not got as far.
 * @param targets Where only new ones are to be made.
 */
function judgeReferences({ workflows, ids }: ImportPlan, named: readonly Named[], targets: Targets | undefined): void {
	let hasChanged = true;
	while (hasChanged) {
		hasChanged = false;
		const anew = new Set(workflows.flatMap(({ action, sourceId }) => (action === 'create' ? [sourceId] : [])));
		const now = (id: string) => ids.get(id) ?? (anew.has(id) ? undefined : id);
		for (const [index, planned] of workflows.entries()) {
			const { wanted, standing } = named[index]!;
			if (planned.action !== 'unchanged' && !(targets && planned.action === 'update')) continue;
			if (wanted.every((id, at) => standing[at] === now(id))) continue;
			const isUnlinked = wanted.every(
				(id, at) => standing[at] === now(id) || (standing[at] === id && !targets?.has(id)),
			);
			const action = targets && !isUnlinked ? 'create' : 'update';
			if (action === planned.action) continue;
			hasChanged = true;
			planned.action = action;
			if (action === 'update') continue;
			planned.id = undefined;
			if (planned.sourceId !== undefined) ids.delete(planned.sourceId);
		}
	}
}

/** What sets a workflow apart for an import. */
interface Identity {
	/** Of what it does, whatever other workflows it names. */
	digest: string;
	/** Those that it names. */
	references: string[];
	/** What is set after it was created. */
	description: string;
	tags: string;
}

/** What n8n gives to nodes that come without. */
const ASSIGNED: ReadonlySet<string> = new Set(['id', 'webhookId', 'typeVersion']);

/** @param wanted What it is compared with: of nodes that come without an id and so on, those of what stands there do not count. */
function identityOf(workflow: Workflow, wanted = workflow): Identity {
	const { nodes, ...body } = anonymous(workflow);
	const asked = new Map(anonymous(wanted).nodes.map((node) => [textIn(node, 'name'), node]));
	const told = nodes.map((node) => {
		const twin = asked.get(textIn(node, 'name')) ?? node;
		return Object.fromEntries(Object.entries(node).filter(([name]) => !ASSIGNED.has(name) || isGiven(twin[name])));
	});
	return {
		digest: createHash('sha256')
			.update(canonical({ ...body, nodes: told }))
			.digest('base64'),
		references: referencesOf(workflow),
		description: descriptionOf(workflow),
		tags: JSON.stringify([...new Set(tagsOf(workflow))].sort()),
	};
}

function isGiven(value: unknown): boolean {
	return value !== undefined && value !== '';
}

/** What an import gives of it, whatever other workflows it names. */
function anonymous(workflow: Workflow): ImportBody['body'] {
	return importBody(
		withReferences(workflow, () => ''),
		false,
	).body;
}

const NO_TAGS = '[]';

function isSame(one: Identity, other: Identity): boolean {
	return one.digest === other.digest && one.description === other.description && one.tags === other.tags;
}

/** Whether it lacks no more than what is set after it was created. */
function isBegun(standing: Identity, { digest, description, tags }: Identity): boolean {
	const isDescribed = standing.description === '' || standing.description === description;
	return standing.digest === digest && isDescribed && (standing.tags === NO_TAGS || standing.tags === tags);
}

type Decision =
	| { action: 'create' }
	| { action: 'update' | 'unchanged'; id: string; references: string[] }
	| { action: 'skip'; reason: string };

/** The workflows of the n8n that is imported into: their names are listed, and they are read when one may be the same. */
class Targets {
	readonly #ids = new Set<string>();
	/** n8n changes nothing that is archived, and runs none of it. */
	readonly #archived = new Set<string>();
	readonly #byName = new Map<string, string[]>();
	/** One workflow of the file for each. */
	readonly #taken = new Set<string>();

	private constructor(
		private readonly api: N8nApi,
		private readonly signal: AbortSignal | undefined,
		readonly warnings: string[],
	) {}

	static async of(api: N8nApi, signal: AbortSignal | undefined): Promise<Targets> {
		const { workflows, warnings } = await listWorkflows(api, chosenBy({}), { signal });
		const targets = new Targets(api, signal, warnings);
		for (const { id, name, isArchived: isPutAway } of workflows) {
			targets.#ids.add(id);
			if (isPutAway) targets.#archived.add(id);
			else targets.#byName.set(name, [...(targets.#byName.get(name) ?? []), id]);
		}
		return targets;
	}

	has(id: string): boolean {
		return this.#ids.has(id);
	}

	async decide(workflow: Workflow, mode: ImportMode): Promise<Decision> {
		const wanted = identityOf(workflow);
		if (mode === 'create') return await this.#decideNew(workflow, wanted);
		const candidates = this.#candidates(workflow, mode);
		if (candidates.length > 1) {
			return { action: 'skip', reason: `There are ${candidates.length} workflows of its name: update by id instead.` };
		}
		const [id] = candidates;
		if (id === undefined) return { action: 'create' };
		if (this.#archived.has(id)) {
			return { action: 'skip', reason: 'It is archived in that n8n: unarchive it there, or import it by Create.' };
		}
		if (this.#taken.has(id)) return { action: 'skip', reason: 'Another workflow of the backup goes to the same one.' };
		const standing = await this.#read(id, workflow);
		if (!standing) return { action: 'create' };
		this.#taken.add(id);
		return { action: isSame(standing, wanted) ? 'unchanged' : 'update', id, references: standing.references };
	}

	/** One of the same name that does the same was made by a run before, which may have broken before it had its tags. */
	async #decideNew(workflow: Workflow, wanted: Identity): Promise<Decision> {
		for (const id of this.#byName.get(workflow.name) ?? []) {
			if (this.#taken.has(id)) continue;
			const standing = await this.#read(id, workflow);
			if (!standing || !isBegun(standing, wanted)) continue;
			this.#taken.add(id);
			return { action: isSame(standing, wanted) ? 'unchanged' : 'update', id, references: standing.references };
		}
		return { action: 'create' };
	}

	#candidates(workflow: Workflow, mode: ImportMode): string[] {
		if (mode === 'updateByName') return this.#byName.get(workflow.name) ?? [];
		const id = idOf(workflow);
		return id !== undefined && this.has(id) ? [id] : [];
	}

	async #read(id: string, wanted: Workflow): Promise<Identity | undefined> {
		const found = await this.api.workflow(id, this.signal);
		const workflow = found && asWorkflow(found);
		return workflow && identityOf(workflow, wanted);
	}
}

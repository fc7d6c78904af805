/**
 * Compares two versions of one workflow. What counts is what it does: nodes, connections, settings, what it is called, whether
 * it is active. When it was saved, its versions, its counters and what its triggers remember do not. Where nodes stand is told
 * apart from that.
 */
import { connectionsOf } from '../connections';
import { isActive, isArchived, type JsonObject, tagsOf, textIn, type Workflow } from '../workflow';
import { type Differences, differences, isNothing } from './values';

export type ChangeKind = 'added' | 'removed' | 'changed' | 'renamed' | 'moved';

/** One change within a workflow. */
export interface Change {
	/** What it is of: the whole workflow where there is no node. */
	what: 'workflow' | 'node' | 'connection' | 'setting';
	change: ChangeKind;
	/** The name of the node, as it is afterwards; of a connection, `From → To`. */
	node?: string;
	/** What was changed: `parameters.url`, `settings.timezone`; of more than are told one by one, `and 12 more`. */
	path?: string;
	before?: unknown;
	after?: unknown;
}

/** Members of a node that are compared one by one; how it is called and where it stands come apart from them. */
const NOT_COMPARED = new Set(['id', 'name', 'position', 'createdAt', 'updatedAt']);

/** Whether a change is of substance, and not of where something stands on the canvas. */
export function isSubstance({ change }: Change): boolean {
	return change !== 'moved';
}

export function compareWorkflow(before: Workflow, after: Workflow): Change[] {
	const nodes = pairNodes(before.nodes, after.nodes);
	const renamed = new Map(nodes.pairs.map(([one, other]) => [textIn(one, 'name'), textIn(other, 'name')]));
	return [
		...workflowChanges(before, after),
		...nodes.removed.map((node): Change => ({ what: 'node', change: 'removed', node: textIn(node, 'name') })),
		...nodes.added.map((node): Change => ({ what: 'node', change: 'added', node: textIn(node, 'name') })),
		...nodes.pairs.flatMap(([one, other]) => nodeChanges(one, other)),
		...connectionChanges(before, after, renamed),
	];
}

function workflowChanges(before: Workflow, after: Workflow): Change[] {
	const of = (workflow: Workflow) => ({
		description: textIn(workflow, 'description'),
		active: isActive(workflow),
		archived: isArchived(workflow),
		tags: tagsOf(workflow).sort().join(', '),
		pinData: workflow['pinData'],
		nodeGroups:
			isNothing(workflow['nodeGroups']) || isEmptyList(workflow['nodeGroups']) ? null : workflow['nodeGroups'],
	});
	const changes: Change[] = [];
	if (before.name !== after.name) {
		changes.push({ what: 'workflow', change: 'renamed', path: 'name', before: before.name, after: after.name });
	}
	changes.push(...changesOf({ what: 'workflow' }, differences(of(before), of(after), '')));
	const settings = differences(before['settings'], after['settings'], 'settings');
	changes.push(...changesOf({ what: 'setting' }, settings));
	return changes;
}

function changesOf(of: Pick<Change, 'what' | 'node'>, { told, more }: Differences): Change[] {
	const changes = told.map((one): Change => ({ ...of, change: 'changed', ...one }));
	return more === 0 ? changes : [...changes, { ...of, change: 'changed', path: `and ${more} more` }];
}

function isEmptyList(value: unknown): boolean {
	return Array.isArray(value) && value.length === 0;
}

interface PairedNodes {
	pairs: [JsonObject, JsonObject][];
	added: JsonObject[];
	removed: JsonObject[];
}

/** Nodes belong together by their ids; those whose id is not on the other side, by their names. */
function pairNodes(before: readonly JsonObject[], after: readonly JsonObject[]): PairedNodes {
	const left = new Set(before);
	const right = new Set(after);
	const pairs: [JsonObject, JsonObject][] = [];
	for (const key of ['id', 'name']) {
		const byKey = new Map<string, JsonObject>();
		for (const node of left) if (textIn(node, key) !== '') byKey.set(textIn(node, key), node);
		for (const node of [...right]) {
			const partner = byKey.get(textIn(node, key));
			if (!partner || !left.has(partner)) continue;
			pairs.push([partner, node]);
			left.delete(partner);
			right.delete(node);
		}
	}
	return { pairs, added: [...right], removed: [...left] };
}

function nodeChanges(before: JsonObject, after: JsonObject): Change[] {
	const node = textIn(after, 'name');
	const changes: Change[] = [];
	const old = textIn(before, 'name');
	if (old !== node) changes.push({ what: 'node', change: 'renamed', node, path: 'name', before: old, after: node });
	changes.push(...changesOf({ what: 'node', node }, differences(compared(before), compared(after), '')));
	const places = differences(before['position'], after['position'], 'position');
	if (places.told.length > 0) changes.push({ what: 'node', change: 'moved', node, path: 'position' });
	return changes;
}

function compared(node: JsonObject): JsonObject {
	return Object.fromEntries(Object.entries(node).filter(([name]) => !NOT_COMPARED.has(name)));
}

/** @param renamed The names of nodes afterwards, by those of before, so that a new name is no new connection. */
function connectionChanges(before: Workflow, after: Workflow, renamed: ReadonlyMap<string, string>): Change[] {
	const nameOf = (name: string) => renamed.get(name) ?? name;
	const left = textsOf(before, nameOf);
	const right = textsOf(after, (name) => name);
	const only = (one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>, change: ChangeKind) =>
		[...one].filter(([key]) => !other.has(key)).map(([, node]): Change => ({ what: 'connection', change, node }));
	return [...only(left, right, 'removed'), ...only(right, left, 'added')];
}

/** What each connection is called, by all that sets it apart. */
function textsOf(workflow: Workflow, nameOf: (name: string) => string): Map<string, string> {
	const texts = new Map<string, string>();
	for (const { from, type, output, to, inputType, input } of connectionsOf(workflow)) {
		const [one, other] = [nameOf(from), nameOf(to)];
		texts.set(JSON.stringify([one, type, output, other, inputType, input]), `${one} → ${other}`);
	}
	return texts;
}

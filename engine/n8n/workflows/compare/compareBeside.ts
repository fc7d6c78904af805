/** Compares what lies beside the workflows of two sides: tags, variables, projects, folders and data tables. */
import type { BesideKind, BesideState, BesideThing } from '../beside/state';
import type { MatchBy } from './matchBy';

/** What has become of something beside the workflows. */
export interface BesideChange {
	kind: BesideKind;
	change: 'added' | 'removed' | 'renamed' | 'changed';
	id: string;
	/** As it is called afterwards. */
	name: string;
	/** Of what was changed: `value`, `columns`, `rows` (how many), `content` (the rows are other ones). */
	path?: string;
	before?: string | number;
	after?: string | number;
}

/** The changes of the kinds that both states tell of. */
export function compareBeside(before: BesideState, after: BesideState, matchBy: MatchBy): BesideChange[] {
	return [...before].flatMap(([kind, things]) => {
		const others = after.get(kind);
		return others ? changesOf(things, others, matchBy) : [];
	});
}

function changesOf(before: readonly BesideThing[], after: readonly BesideThing[], matchBy: MatchBy): BesideChange[] {
	const left = keyed(before, matchBy);
	const right = keyed(after, matchBy);
	const changes: BesideChange[] = [];
	for (const [key, thing] of left) {
		const partner = right.get(key);
		const { kind, id, name } = thing;
		changes.push(
			...(partner ? differences(thing, partner, matchBy) : [{ kind, id, name, change: 'removed' } as const]),
		);
	}
	for (const [key, { kind, id, name }] of right) if (!left.has(key)) changes.push({ kind, id, name, change: 'added' });
	return changes;
}

/** Names of folders are not unique: the second one of a name belongs to the second one of the other side. */
function keyed(things: readonly BesideThing[], matchBy: MatchBy): Map<string, BesideThing> {
	const found = new Map<string, BesideThing>();
	const counts = new Map<string, number>();
	for (const thing of things) {
		const key = matchBy === 'id' ? thing.id : thing.name;
		const count = counts.get(key) ?? 0;
		counts.set(key, count + 1);
		found.set(`${count} ${key}`, thing);
	}
	return found;
}

/** Between two n8n, ids differ: what names a project or a folder by its id is not compared there. */
const BY_ID = new Set(['project', 'parent']);

function differences(before: BesideThing, after: BesideThing, matchBy: MatchBy): BesideChange[] {
	const { kind, id, name } = after;
	const changes: BesideChange[] = [];
	if (before.name !== name) {
		changes.push({ kind, id, name, change: 'renamed', path: 'name', before: before.name, after: name });
	}
	for (const [path, value] of Object.entries(before.facts)) {
		const now = after.facts[path];
		if (value === now || (matchBy === 'name' && BY_ID.has(path))) continue;
		// A digest says nothing to anybody.
		const values = path === 'content' ? {} : { before: value, ...(now !== undefined && { after: now }) };
		if (path === 'content' && before.facts['rows'] !== after.facts['rows']) continue;
		changes.push({ kind, id, name, change: 'changed', path, ...values });
	}
	return changes;
}

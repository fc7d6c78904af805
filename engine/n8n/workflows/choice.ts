import { BackupError } from '../../errors';
import { idOf, isActive, isArchived, type JsonObject, projectsOf, tagsOf } from './workflow';

/** Which workflows are meant; without any of it, all. */
export interface WorkflowChoice {
	/** Ids. */
	ids?: readonly string[];
	/** Names, whole, with `*` for any characters and `?` for one; upper and lower case are the same. */
	names?: readonly string[];
	/** Names of tags, of which it must have one. */
	tags?: readonly string[];
	/** Ids of projects, of which it must belong to one or be shared with it. */
	projects?: readonly string[];
	/** Only active ones, or only those that are not. */
	active?: boolean | undefined;
	/** Leaves out what is archived. */
	withoutArchived?: boolean;
}

const MAX_PATTERN = 500;

/** Whether a workflow is meant. */
export type Chosen = (workflow: JsonObject & { readonly name: string }) => boolean;

/** @throws BackupError INVALID_INPUT for a pattern that is none */
export function chosenBy(choice: WorkflowChoice): Chosen {
	const { ids = [], names = [], tags = [], projects = [], active, withoutArchived = false } = choice;
	for (const pattern of names) assertPattern(pattern);
	return (workflow) => {
		if (withoutArchived && isArchived(workflow)) return false;
		if (active !== undefined && isActive(workflow) !== active) return false;
		if (ids.length + names.length > 0) {
			const id = idOf(workflow);
			const isNamed = names.some((pattern) => matches(workflow.name, pattern));
			if (!isNamed && !(id !== undefined && ids.includes(id))) return false;
		}
		if (tags.length > 0 && !tagsOf(workflow).some((tag) => tags.includes(tag))) return false;
		return projects.length === 0 || projectsOf(workflow).some((project) => projects.includes(project));
	};
}

/** What was chosen, in words that a manifest keeps; empty for all. */
export function describeChoice(choice: WorkflowChoice): string[] {
	const { ids = [], names = [], tags = [], projects = [], active, withoutArchived = false } = choice;
	return [
		...ids.map((id) => `id=${id}`),
		...names.map((name) => `name=${name}`),
		...tags.map((tag) => `tag=${tag}`),
		...projects.map((project) => `project=${project}`),
		...(active === undefined ? [] : [active ? 'active' : 'not active']),
		...(withoutArchived ? ['not archived'] : []),
	];
}

/** Remembers which parts of a choice no workflow has had yet. */
export class UnfitParts {
	readonly #unfit: Map<string, (workflow: JsonObject & { readonly name: string }) => boolean>;

	constructor({ ids = [], names = [], tags = [], projects = [] }: WorkflowChoice) {
		this.#unfit = new Map([
			...ids.map((id) => [`id=${id}`, chosenBy({ ids: [id] })] as const),
			...names.map((name) => [`name=${name}`, chosenBy({ names: [name] })] as const),
			...tags.map((tag) => [`tag=${tag}`, chosenBy({ tags: [tag] })] as const),
			...projects.map((project) => [`project=${project}`, chosenBy({ projects: [project] })] as const),
		]);
	}

	/** @param workflow One that is chosen. */
	see(workflow: JsonObject & { readonly name: string }): void {
		for (const [part, fits] of this.#unfit) if (fits(workflow)) this.#unfit.delete(part);
	}

	/** As describeChoice writes them. */
	get left(): string[] {
		return [...this.#unfit.keys()];
	}
}

function assertPattern(pattern: string): void {
	if (pattern !== '' && pattern.length <= MAX_PATTERN) return;
	const problem = pattern === '' ? 'is empty' : `has more than ${MAX_PATTERN} characters`;
	throw new BackupError('INVALID_INPUT', `A name of a workflow ${problem}.`, { hint: 'Give names such as Shop*.' });
}

/** Compares without going back over more than one star, so that no pattern takes long. */
function matches(name: string, pattern: string): boolean {
	const text = [...name.toLowerCase()];
	const wanted = [...pattern.toLowerCase()];
	let at = 0;
	let next = 0;
	let star = -1;
	let afterStar = 0;
	while (at < text.length) {
		if (next < wanted.length && (wanted[next] === '?' || wanted[next] === text[at]) && wanted[next] !== '*') {
			at++;
			next++;
		} else if (wanted[next] === '*') {
			star = next++;
			afterStar = at;
		} else if (star >= 0) {
			next = star + 1;
			at = ++afterStar;
		} else return false;
	}
	while (wanted[next] === '*') next++;
	return next === wanted.length;
}

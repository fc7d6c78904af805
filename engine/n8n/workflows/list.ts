import type { ListedWorkflow, N8nApi } from '../api';
import type { Chosen } from './choice';
import { isArchived } from './workflow';

/** What is remembered of a listed workflow. */
export interface WorkflowName {
	id: string;
	name: string;
	isArchived: boolean;
}

export interface WorkflowList {
	/** In the order of their ids. */
	workflows: WorkflowName[];
	/** What could not be made certain. */
	warnings: string[];
}

const PASSES = 5;

/**
 * Lists the chosen workflows. n8n 2.41.3 lists them by their ids, and then one pass misses nothing that was there all the
 * time (pages.ts). Older ones list them as the database gives them: they are listed until a pass brings nothing new.
 * @param projectId Lets n8n list only those of this project.
 * @throws BackupError as N8nApi.workflows does
 */
export async function listWorkflows(
	api: N8nApi,
	isChosen: Chosen,
	{ projectId, signal }: { projectId?: string | undefined; signal?: AbortSignal | undefined } = {},
): Promise<WorkflowList> {
	const found = new Map<string, WorkflowName>();
	for (let pass = 1; pass <= PASSES; pass++) {
		const { isOrdered, added } = await addPass(found, api.workflows(projectId, signal), isChosen);
		if (isOrdered || added === 0) return { workflows: sorted(found), warnings: [] };
	}
	const warning = `The list of workflows still changed after it was read ${PASSES} times: one may be missing.`;
	return { workflows: sorted(found), warnings: [warning] };
}

async function addPass(
	found: Map<string, WorkflowName>,
	list: AsyncIterable<ListedWorkflow>,
	isChosen: Chosen,
): Promise<{ isOrdered: boolean; added: number }> {
	const before = found.size;
	const order = new Order();
	for await (const workflow of list) {
		const { id, name } = workflow;
		order.add(id);
		if (isChosen(workflow)) found.set(id, { id, name, isArchived: isArchived(workflow) });
	}
	return { isOrdered: order.isKept, added: found.size - before };
}

function sorted(found: ReadonlyMap<string, WorkflowName>): WorkflowName[] {
	return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Whether ids come in an order: that of their bytes (SQLite, PostgreSQL with C), or that of a language. */
class Order {
	readonly #language = new Intl.Collator('en');
	#last: string | undefined;
	#isByBytes = true;
	#isByLanguage = true;

	add(id: string): void {
		if (this.#last !== undefined) {
			this.#isByBytes &&= this.#last < id;
			this.#isByLanguage &&= this.#language.compare(this.#last, id) <= 0;
		}
		this.#last = id;
	}

	get isKept(): boolean {
		return this.#isByBytes || this.#isByLanguage;
	}
}

/** The calls of the public API of n8n that workflows are exported, compared and imported with. */
import { BackupError } from '../../errors';
import {
	ANSWERS,
	type CredentialName,
	type Folder,
	type ListedWorkflow,
	type NamedThing,
	type Shape,
	type Variable,
	type WholeWorkflow,
	workflowOf,
	type WorkflowVersion,
} from './answers';
import { Caller, type Call } from './caller';
import type { N8nApiConnection } from './connection';
import { explain, isNotFound, isUnknownQuery, isUnlicensed, N8nFailure, type Role } from './failure';
import { encodedId } from './ids';
import { entriesBy, ENTRY_BYTES, type ListCall } from './lists';
import type { Page } from './pages';
import { DataTablesApi } from './tables';

const WORKFLOWS_OF_PAGE = 50;
const FOLDERS_OF_PAGE = 250;
const MOST_FOLDERS = 100_000;

/** What n8n is asked to store. */
type WorkflowBody = Readonly<Record<string, unknown>>;

export class N8nApi {
	readonly #caller: Caller;
	readonly #role: Role;
	readonly tables: DataTablesApi;
	/** Whether it has refused to be told that a change must not go live, as n8n before 2.x does. */
	#knowsNoDrafts = false;

	/**
	 * @param role Whether the n8n is read from or written to.
	 * @throws BackupError INVALID_INPUT for an address or a key that is none
	 */
	constructor(connection: N8nApiConnection, role: Role) {
		this.#caller = new Caller(connection, role);
		this.#role = role;
		this.tables = new DataTablesApi(this.#caller, role);
	}

	/** The address of the API, for messages. */
	get server(): string {
		return this.#caller.server;
	}

	/** The address of the n8n. */
	get instance(): string {
		return this.#caller.instance;
	}

	/**
	 * All workflows that the key may read, in the order of their ids; without data that is pinned.
	 * @param projectId Only those of this project.
	 * @throws BackupError CANCELLED, ACCESS_DENIED, SOURCE_* or TARGET_*
	 */
	async *workflows(projectId?: string, signal?: AbortSignal): AsyncGenerator<ListedWorkflow> {
		const call = { what: 'Could not list the workflows', scope: 'workflow:list', path: '/workflows', signal };
		const query = { excludePinnedData: 'true', ...(projectId !== undefined && { projectId }) };
		yield* this.#list({ ...call, query, size: WORKFLOWS_OF_PAGE }, ANSWERS.workflows);
	}

	/** A workflow with all that the API tells; undefined where there is none of this id, or none that the key may read. */
	async workflow(id: string, signal?: AbortSignal): Promise<WholeWorkflow | undefined> {
		const call = {
			what: `Could not read the workflow ${id}`,
			scope: 'workflow:read',
			path: `/workflows/${encodedId(id)}`,
		};
		return await orNone(this.#caller.ask({ ...call, signal, limit: ENTRY_BYTES }, workflowOf(id)));
	}

	/** What a version of a workflow is called; undefined where n8n keeps no such version, or is too old to tell. */
	async version(id: string, versionId: string, signal?: AbortSignal): Promise<WorkflowVersion | undefined> {
		const path = `/workflows/${encodedId(id)}/versions/${encodedId(versionId)}`;
		const call = { what: `Could not read a version of the workflow ${id}`, scope: 'workflow:read', path };
		return await orNone(this.#caller.ask({ ...call, signal, limit: ENTRY_BYTES }, ANSWERS.version));
	}

	/** Creates a workflow, which is not active. */
	async createWorkflow(body: WorkflowBody, signal?: AbortSignal): Promise<WholeWorkflow> {
		const what = `Could not create the workflow ${String(body['name'])}`;
		return await this.#write({ method: 'POST', path: '/workflows', what, scope: 'workflow:create', body, signal });
	}

	/**
	 * Changes the draft of a workflow.
	 * @param publish Whether it goes live as well, where the workflow is active. An n8n that knows no drafts is only asked for it
	 * where the workflow is not active.
	 * @throws BackupError TARGET_FAILED where it would go live although it must not
	 */
	async updateWorkflow(id: string, body: WorkflowBody, publish: boolean, signal?: AbortSignal): Promise<WholeWorkflow> {
		const what = `Could not update the workflow ${String(body['name'])}`;
		const path = `/workflows/${encodedId(id)}`;
		const call: Call = { method: 'PUT', path, what, scope: 'workflow:update', body, signal };
		if (publish || this.#knowsNoDrafts) return await this.#updateLive(id, call, publish);
		try {
			return await this.#write({ ...call, query: { publishIfActive: 'false' } }, workflowOf(id));
		} catch (error) {
			if (!isUnknownQuery(error)) throw error;
			this.#knowsNoDrafts = true;
			return await this.#updateLive(id, call, publish);
		}
	}

	/** Changes what is live, where it is active. */
	async #updateLive(id: string, call: Call, publish: boolean): Promise<WholeWorkflow> {
		const standing = publish ? undefined : await this.workflow(id, call.signal);
		if (standing?.['active'] !== true) return await this.#write(call, workflowOf(id));
		throw new BackupError(
			'TARGET_FAILED',
			`${call.what} at ${this.server}: it is active, and that n8n knows no drafts.`,
			{
				hint: 'There, a changed workflow goes live at once. Import it with Activate, or deactivate it before.',
			},
		);
	}

	async activate(id: string, name: string, signal?: AbortSignal): Promise<void> {
		const path = `/workflows/${encodedId(id)}/activate`;
		await this.#write({
			method: 'POST',
			path,
			what: `Could not activate ${name}`,
			scope: 'workflow:activate',
			body: {},
			signal,
		});
	}

	/** Gives a workflow these tags and no others. */
	async setTags(id: string, tagIds: readonly string[], signal?: AbortSignal): Promise<void> {
		const path = `/workflows/${encodedId(id)}/tags`;
		const body = tagIds.map((tag) => ({ id: tag }));
		const call = { what: `Could not set the tags of the workflow ${id}`, scope: 'workflowTags:update', path };
		await this.#caller.ask({ ...call, method: 'PUT', body, signal }, ANSWERS.anything);
	}

	async createTag(name: string, signal?: AbortSignal): Promise<NamedThing> {
		const call = { what: `Could not create the tag ${name}`, scope: 'tag:create', path: '/tags' };
		return await this.#caller.ask({ ...call, method: 'POST', body: { name }, signal }, ANSWERS.tag);
	}

	async *tags(signal?: AbortSignal): AsyncGenerator<NamedThing> {
		const call = { what: 'Could not list the tags', scope: 'tag:list', path: '/tags', signal };
		yield* this.#list(call, ANSWERS.tags);
	}

	/** Names and types of the credentials; the API gives no secrets. */
	async *credentials(signal?: AbortSignal): AsyncGenerator<CredentialName> {
		const call = { what: 'Could not list the credentials', scope: 'credential:list', path: '/credentials', signal };
		yield* this.#list(call, ANSWERS.credentials);
	}

	/**
	 * Whether the key is proved to see all workflows: n8n lists its users only to keys of an owner or an admin, who see all. Such a
	 * key may lack the scope for it as well, and then nothing is proved.
	 */
	async seesAll(signal?: AbortSignal): Promise<boolean> {
		const call = { what: 'Could not list the users', scope: 'user:list', path: '/users', query: { limit: '1' } };
		try {
			await this.#caller.ask({ ...call, signal }, ANSWERS.anything);
			return true;
		} catch (error) {
			// Of those who have the scope, a licence for a number of users refuses all (seen in the source of 2.41.3).
			if (isUnlicensed(error)) return true;
			if (isNotFound(error) || (error instanceof BackupError && error.code === 'ACCESS_DENIED')) return false;
			throw error;
		}
	}

	async *variables(signal?: AbortSignal): AsyncGenerator<Variable> {
		const call = { what: 'Could not list the variables', scope: 'variable:list', path: '/variables', signal };
		yield* this.#list(call, ANSWERS.variables);
	}

	async *projects(signal?: AbortSignal): AsyncGenerator<NamedThing> {
		const call = { what: 'Could not list the projects', scope: 'project:list', path: '/projects', signal };
		yield* this.#list(call, ANSWERS.projects);
	}

	/**
	 * The folders of a project. n8n gives them by `skip` and `take`, at most 100,000 are asked for.
	 * @throws BackupError SOURCE_* where there are more, as otherwise
	 */
	async folders(projectId: string, signal?: AbortSignal): Promise<Folder[]> {
		const path = `/projects/${encodedId(projectId)}/folders`;
		const call = { what: 'Could not list the folders', scope: 'folder:list', path, signal };
		const found = new Map<string, Folder>();
		// What is deleted between two pages moves the others forward: they are listed until that brings nothing new.
		for (let before = -1; found.size > before;) {
			before = found.size;
			for (let skip = 0, length = 1; length > 0; skip += length) {
				const query = { sortBy: 'createdAt:asc', skip: String(skip), take: String(FOLDERS_OF_PAGE) };
				const { data } = await this.#caller.ask({ ...call, query }, ANSWERS.folders);
				for (const folder of data) found.set(folder.id, folder);
				({ length } = data);
				if (skip > MOST_FOLDERS) throw this.#endless(call);
			}
		}
		return [...found.values()];
	}

	#endless(call: Call): BackupError {
		const failure = new N8nFailure('its list goes on without end', { status: 200, isForeign: true });
		return explain(failure, { ...call, role: this.#role, server: this.server });
	}

	/** Creates a variable of the whole instance, or of a project. */
	async createVariable(
		variable: { key: string; value: string; projectId?: string },
		signal?: AbortSignal,
	): Promise<void> {
		const call = {
			what: `Could not create the variable ${variable.key}`,
			scope: 'variable:create',
			path: '/variables',
		};
		await this.#caller.ask({ ...call, method: 'POST', body: variable, signal }, ANSWERS.anything);
	}

	async *#list<T extends { id: string }>(call: ListCall, shape: Shape<Page<T>>): AsyncGenerator<T> {
		yield* entriesBy({ caller: this.#caller, role: this.#role }, call, shape);
	}

	async #write(call: Call, shape: Shape<WholeWorkflow> = ANSWERS.workflow): Promise<WholeWorkflow> {
		return await this.#caller.ask({ ...call, limit: ENTRY_BYTES }, shape);
	}
}

async function orNone<T>(asked: Promise<T>): Promise<T | undefined> {
	try {
		return await asked;
	} catch (error) {
		if (isNotFound(error)) return undefined;
		throw error;
	}
}

/**
 * What lies beside workflows, as far as it is compared: of a data table its rows as a digest, so that memory holds names and digests,
 * whatever the size of the tables.
 */
import { createHash, type Hash } from 'node:crypto';

import { BackupError } from '../../../errors';
import { isNotFound, isUnlicensed, type N8nApi } from '../../api';
import { canonical } from '../compare/digest';
import { readWorkflows, type WorkflowFile } from '../read';
import { isObject, type JsonObject, textIn } from '../workflow';
import { factsOf } from './files';
import { type ListName, LISTS, type TableFacts, valuesOf } from './layout';

export type BesideKind = ListName | 'dataTables';

/** Something beside workflows. */
export interface BesideThing {
	kind: BesideKind;
	id: string;
	/** Of a variable, its key. */
	name: string;
	/** What is compared: of a variable its value, of a table its columns, how many rows it has and a digest of them. */
	facts: Readonly<Record<string, string | number>>;
	/** Of a data table in a file: what its folder there is called, and its columns in their order. */
	table?: { folder: string; columns: TableFacts['columns'] };
}

/** The things by their kind; a kind that is not told of is not there. */
export type BesideState = ReadonlyMap<BesideKind, readonly BesideThing[]>;

/** A digest over the rows of a table, in their order, whatever their ids. */
export class RowsDigest {
	readonly #hash: Hash = createHash('sha256');
	rows = 0;

	add(row: JsonObject): void {
		this.#hash.update(canonical(valuesOf(row))).update('\n');
		this.rows++;
	}

	/** Of the rows so far; more may be added after it. */
	get value(): string {
		return this.#hash.copy().digest('base64');
	}
}

/** Of a file. Empty where it is no tar of ours. @throws BackupError as readWorkflows does */
export async function stateOfFile(file: WorkflowFile, signal: AbortSignal | undefined): Promise<BesideState> {
	const state = new Map<BesideKind, BesideThing[]>();
	const digests = new Map<string, RowsDigest>();
	/** Of tables that are at their end. */
	const ended = new Set<string>();
	const digestOf = (folder: string) => {
		if (ended.has(folder)) throw inconsistent(file.name, folder, 'is there twice');
		const digest = digests.get(folder) ?? new RowsDigest();
		digests.set(folder, digest);
		return digest;
	};
	await readWorkflows(file, () => {}, {
		signal,
		beside: {
			list: (kind, entries) => void state.set(kind, thingsOf(kind, entries)),
			rows: (folder, rows) => {
				const digest = digestOf(folder);
				for (const row of rows) digest.add(row);
			},
			table: (folder, facts) => {
				const things = state.get('dataTables') ?? [];
				state.set('dataTables', things);
				const digest = digestOf(folder);
				if (digest.rows !== facts.rows) throw inconsistent(file.name, folder, 'has not the rows that it says');
				things.push({ ...tableThing(facts, digest), table: { folder, columns: facts.columns } });
				ended.add(folder);
				digests.delete(folder);
			},
		},
	});
	return state;
}

function inconsistent(name: string, folder: string, what: string): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The data table ${folder} in ${name} ${what}.`, {
		hint: 'It was damaged or edited. Fetch it again, or choose another one.',
	});
}

/**
 * Of an n8n, as far as another state tells.
 * @throws BackupError as the API does, but for what its licence does not include or the key may not read: that is a warning
 */
export async function stateOfInstance(
	api: N8nApi,
	like: BesideState,
	warnings: Set<string>,
	signal: AbortSignal | undefined,
): Promise<BesideState> {
	const state = new Map<BesideKind, BesideThing[]>();
	const projects = new Set((like.get('folders') ?? []).map(({ facts }) => String(facts['project'])));
	const lists: Record<BesideKind, () => Promise<BesideThing[]>> = {
		tags: async () => thingsOf('tags', await allOf(api.tags(signal))),
		variables: async () => thingsOf('variables', await allOf(api.variables(signal))),
		projects: async () => thingsOf('projects', await allOf(api.projects(signal))),
		folders: async () => await foldersOf(api, projects, signal),
		dataTables: async () => await tablesOf(api, signal),
	};
	for (const kind of [...LISTS, 'dataTables'] as const) {
		if (!like.has(kind)) continue;
		try {
			state.set(kind, await lists[kind]());
		} catch (error) {
			const isRefused = error instanceof BackupError && error.code === 'ACCESS_DENIED';
			if (!isRefused && !isUnlicensed(error) && !isNotFound(error)) throw error;
			warnings.add(
				`${KIND_WORDS[kind]} were not compared. ${error instanceof BackupError ? error.message : ''}`.trim(),
			);
		}
	}
	return state;
}

const KIND_WORDS: Record<BesideKind, string> = {
	tags: 'Tags',
	variables: 'Variables',
	projects: 'Projects',
	folders: 'Folders',
	dataTables: 'Data tables',
};

async function foldersOf(api: N8nApi, projects: Iterable<string>, signal?: AbortSignal): Promise<BesideThing[]> {
	const found: BesideThing[] = [];
	for (const projectId of projects) {
		const folders = await api.folders(projectId, signal);
		found.push(
			...thingsOf(
				'folders',
				folders.map((folder) => ({ ...folder, projectId })),
			),
		);
	}
	return found;
}

async function tablesOf(api: N8nApi, signal: AbortSignal | undefined): Promise<BesideThing[]> {
	const found: BesideThing[] = [];
	for await (const table of api.tables.list(signal)) {
		const digest = new RowsDigest();
		for await (const rows of api.tables.rows(table, signal)) for (const row of rows) digest.add(row);
		found.push(tableThing(factsOf(table, digest.rows), digest));
	}
	return found;
}

function tableThing({ id, name, columns }: TableFacts, digest: RowsDigest): BesideThing {
	const facts = { columns: columnsIn(columns), rows: digest.rows, content: digest.value };
	return { kind: 'dataTables', id, name, facts };
}

/** The columns of a table in words, in one order: n8n can move them without changing a row. */
export function columnsIn(columns: TableFacts['columns']): string {
	return columns
		.map(({ name, type }) => `${name} ${type}`)
		.sort()
		.join(', ');
}

function thingsOf(kind: ListName, entries: readonly JsonObject[]): BesideThing[] {
	return entries.map((entry) => ({
		kind,
		id: textIn(entry, 'id'),
		name: textIn(entry, kind === 'variables' ? 'key' : 'name'),
		facts: FACTS[kind](entry),
	}));
}

const FACTS: Record<ListName, (entry: JsonObject) => Record<string, string>> = {
	tags: () => ({}),
	variables: ({ value, project }) => ({
		value: typeof value === 'string' ? value : '',
		project: isObject(project) ? textIn(project, 'id') : '',
	}),
	projects: (project) => ({ type: textIn(project, 'type'), description: textIn(project, 'description') }),
	folders: (folder) => ({ project: textIn(folder, 'projectId'), parent: textIn(folder, 'parentFolderId') }),
};

async function allOf(list: AsyncIterable<JsonObject>): Promise<JsonObject[]> {
	const entries: JsonObject[] = [];
	for await (const entry of list) entries.push(entry);
	return entries;
}

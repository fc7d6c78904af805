/**
 * Imports what lies beside the workflows in a file: what is not there is made, and nothing that is there is overwritten. How rows
 * move: from the file into batches of some hundred. A table of which a run before has stored the first rows gets the others.
 */
import { BackupError } from '../../../errors';
import type { DataTable, N8nApi } from '../../api';
import { valuesOf } from '../beside/layout';
import { type BesideState, type BesideThing, columnsIn, RowsDigest } from '../beside/state';
import { factsOf } from '../beside/files';
import type { WorkflowSide } from '../side';
import type { JsonObject, Workflow } from '../workflow';
import { RowBatches } from './rowBatches';
import { refusalIn } from './refusal';
import { withTables } from './tableReferences';

export const IMPORTED_KINDS = ['tags', 'variables', 'dataTables'] as const;
export type BesideImportKind = (typeof IMPORTED_KINDS)[number];

/** What was done with something beside the workflows, or would be. */
export interface ImportedBeside {
	kind: BesideImportKind;
	/** `update`: a table that lacks its last rows gets them. */
	action: 'create' | 'update' | 'unchanged' | 'skip' | 'failed';
	name: string;
	sourceId: string;
	/** In the n8n that is imported into; undefined for what is new. */
	id: string | undefined;
	/** Why it is left out, or failed. */
	reason?: string;
	/** Of a table: rows that are stored. */
	rows?: number;
}

export interface BesideImportOptions {
	side: WorkflowSide;
	api: N8nApi;
	kinds: readonly BesideImportKind[];
	/** Where new tables go; by default into the personal project of the user whose key it is. */
	projectId: string | undefined;
	signal: AbortSignal | undefined;
}

/** A table that is to get rows. */
interface Filling {
	thing: BesideThing;
	result: ImportedBeside;
	/** Rows of the file that are there already. */
	present: number;
}

const COLUMNS_DIFFER = 'A table of its name has other columns there, and nothing is overwritten.';
const ROWS_DIFFER = 'A table of its name has other rows there, and nothing is overwritten.';

export class BesideImport {
	readonly things: ImportedBeside[] = [];
	/** By their folders in the file. */
	readonly #fillings = new Map<string, Filling>();
	readonly #variables: { result: ImportedBeside; value: string; projectId: string }[] = [];
	/** Ids of tables in the n8n that is imported into, by those in the file. */
	readonly #tableIds = new Map<string, string>();

	private constructor(private readonly options: BesideImportOptions) {}

	/**
	 * Decides what is to be done, and changes nothing.
	 * @throws BackupError INVALID_INPUT where the file does not tell of a kind; as reading the side and the API does
	 */
	static async planned(options: BesideImportOptions): Promise<BesideImport> {
		const plan = new BesideImport(options);
		const { side, kinds, signal } = options;
		if (kinds.length === 0) return plan;
		for (const kind of kinds) assertKind(kind);
		const state = await side.beside(signal);
		for (const kind of kinds) if (!state.has(kind)) throw notThere(side.name, kind);
		if (kinds.includes('tags')) await plan.#planTags(state);
		if (kinds.includes('variables')) await plan.#planVariables(state);
		if (kinds.includes('dataTables')) await plan.#planTables(state);
		return plan;
	}

	/** A workflow that names the data tables by the ids that they have there. */
	applied(workflow: Workflow): Workflow {
		return this.#tableIds.size === 0 ? workflow : withTables(workflow, (id) => this.#tableIds.get(id) ?? id);
	}

	/** @throws BackupError as the API does, but for what n8n refuses of one thing: that is told of it */
	async store(): Promise<void> {
		const { api, signal } = this.options;
		for (const result of this.things) {
			if (result.kind !== 'tags' || result.action !== 'create') continue;
			await this.#attempt(result, async () => void (result.id = (await api.createTag(result.name, signal)).id));
		}
		for (const { result, value, projectId } of this.#variables) {
			const variable = { key: result.name, value, ...(projectId !== '' && { projectId }) };
			await this.#attempt(result, async () => await api.createVariable(variable, signal));
		}
		if (this.#fillings.size > 0) await this.#storeTables();
	}

	async #planTags(state: BesideState): Promise<void> {
		const { api, signal } = this.options;
		const there = new Map<string, string>();
		for await (const { id, name } of api.tags(signal)) there.set(name, id);
		for (const thing of state.get('tags') ?? []) {
			const id = there.get(thing.name);
			this.#tell('tags', thing, { action: id === undefined ? 'create' : 'unchanged', id });
			there.set(thing.name, id ?? '');
		}
	}

	/** Those of a project belong to the project of the same id. */
	async #planVariables(state: BesideState): Promise<void> {
		const { api, signal } = this.options;
		const there = new Map<string, { id: string; value: unknown }>();
		const keyOf = (name: string, project: unknown) => JSON.stringify([name, project]);
		for await (const { id, key, value, project } of api.variables(signal)) {
			const projectId = (project as { id?: unknown } | null | undefined)?.id ?? '';
			there.set(keyOf(key, projectId), { id, value });
		}
		for (const thing of state.get('variables') ?? []) {
			const projectId = String(thing.facts['project']);
			const value = String(thing.facts['value']);
			const key = keyOf(thing.name, projectId);
			const standing = there.get(key);
			const reason = 'It has another value there, and nothing is overwritten.';
			if (!standing) {
				there.set(key, { id: '', value });
				this.#variables.push({
					result: this.#tell('variables', thing, { action: 'create', id: undefined }),
					value,
					projectId,
				});
			} else if (standing.value === value) this.#tell('variables', thing, { action: 'unchanged', id: standing.id });
			else this.#tell('variables', thing, { action: 'skip', id: standing.id, reason });
		}
	}

	async #planTables(state: BesideState): Promise<void> {
		const { api, projectId, signal } = this.options;
		const there: DataTable[] = [];
		for await (const table of api.tables.list(signal)) there.push(table);
		const taken = new Set<string>();
		/** Those of which only the first rows are there, perhaps. */
		const begun: { thing: BesideThing; standing: RowsDigest; id: string }[] = [];
		for (const thing of state.get('dataTables') ?? []) {
			const found = standingFor(thing, there, projectId);
			if (found === undefined) {
				const isAgain = taken.has(thing.name);
				taken.add(thing.name);
				const reason = 'Another table of the backup has its name.';
				if (isAgain) this.#tell('dataTables', thing, { action: 'skip', id: undefined, reason });
				else this.#fill(thing, { action: 'create', id: undefined }, 0);
				continue;
			}
			if (found === 'several' || taken.has(found.id)) {
				const reason =
					found === 'several'
						? 'There are several tables of its name.'
						: 'Another table of the backup goes to the same one.';
				this.#tell('dataTables', thing, { action: 'skip', id: undefined, reason });
				continue;
			}
			taken.add(found.id);
			this.#tableIds.set(thing.id, found.id);
			if (columnsIn(factsOf(found, 0).columns) !== thing.facts['columns']) {
				this.#tell('dataTables', thing, { action: 'skip', id: found.id, reason: COLUMNS_DIFFER });
				continue;
			}
			const standing = new RowsDigest();
			for await (const rows of api.tables.rows(found, signal)) for (const row of rows) standing.add(row);
			const { content, rows } = thing.facts;
			if (standing.rows === rows && standing.value === content)
				this.#tell('dataTables', thing, { action: 'unchanged', id: found.id });
			else if (standing.rows < Number(rows)) begun.push({ thing, standing, id: found.id });
			else this.#tell('dataTables', thing, { action: 'skip', id: found.id, reason: ROWS_DIFFER });
		}
		if (begun.length === 0) return;
		const heads = await this.#headsOf(new Map(begun.map(({ thing, standing }) => [folderOf(thing), standing.rows])));
		for (const { thing, standing, id } of begun) {
			if (heads.get(folderOf(thing)) === standing.value) this.#fill(thing, { action: 'update', id }, standing.rows);
			else this.#tell('dataTables', thing, { action: 'skip', id, reason: ROWS_DIFFER });
		}
	}

	/** Digests of the first rows of tables in the file: of so many, by their folders. */
	async #headsOf(lengths: ReadonlyMap<string, number>): Promise<Map<string, string>> {
		const digests = new Map(Array.from(lengths.keys(), (folder) => [folder, new RowsDigest()]));
		const rows = (folder: string, some: JsonObject[]) => {
			const digest = digests.get(folder);
			if (!digest) return;
			for (const row of some) if (digest.rows < lengths.get(folder)!) digest.add(row);
		};
		await this.options.side.readBeside?.({ rows }, this.options.signal);
		return new Map(Array.from(digests, ([folder, digest]) => [folder, digest.value]));
	}

	#tell(
		kind: BesideImportKind,
		{ name, id: sourceId }: BesideThing,
		more: Pick<ImportedBeside, 'action' | 'id' | 'reason'>,
	) {
		const result: ImportedBeside = { kind, name, sourceId, ...more };
		this.things.push(result);
		return result;
	}

	#fill(thing: BesideThing, more: Pick<ImportedBeside, 'action' | 'id'>, present: number): void {
		const result = this.#tell('dataTables', thing, more);
		result.rows = Number(thing.facts['rows']) - present;
		this.#fillings.set(folderOf(thing), { thing, result, present });
		// Until it is made, a workflow that names it is another one than any that is there.
		if (result.id === undefined) this.#tableIds.set(thing.id, `new ${thing.id}`);
	}

	async #storeTables(): Promise<void> {
		const { api, side, projectId, signal } = this.options;
		const batches = new Map<string, RowBatches>();
		for (const [folder, { thing, result, present }] of this.#fillings) {
			const { name, table } = thing;
			this.#tableIds.delete(thing.id);
			await this.#attempt(result, async () => {
				result.id ??= (await api.tables.create({ name, columns: table?.columns ?? [] }, projectId, signal)).id;
				const stored = { id: result.id, name };
				this.#tableIds.set(thing.id, stored.id);
				batches.set(folder, new RowBatches(async (rows) => await api.tables.insert(stored, rows, signal), present));
			});
		}
		const withBatch = async (folder: string, action: (batch: RowBatches) => Promise<void>) => {
			const result = this.#fillings.get(folder)?.result;
			const batch = batches.get(folder);
			if (result && batch && result.action !== 'failed') await this.#attempt(result, async () => await action(batch));
		};
		await side.readBeside?.(
			{
				rows: async (folder, rows) => await withBatch(folder, async (batch) => await batch.add(rows.map(valuesOf))),
				table: async (folder) => await withBatch(folder, async (batch) => await batch.end()),
			},
			signal,
		);
	}

	/** What n8n refuses is told, and does not keep the others from being imported. */
	async #attempt(result: ImportedBeside, action: () => Promise<void>): Promise<void> {
		try {
			await action();
		} catch (error) {
			result.reason = refusalIn(error, this.options.signal);
			result.action = 'failed';
		}
	}
}

/** The table that is there for one of a file: by id; otherwise by name, in the project that new ones go into. */
function standingFor(
	{ id, name }: BesideThing,
	there: readonly DataTable[],
	projectId: string | undefined,
): DataTable | 'several' | undefined {
	const same = there.find((table) => table.id === id && table.name === name);
	if (same) return same;
	const [first, ...others] = there.filter(
		(table) => table.name === name && (projectId === undefined || table.projectId === projectId),
	);
	return others.length > 0 ? 'several' : first;
}

function folderOf({ table }: BesideThing): string {
	return table?.folder ?? '';
}

function assertKind(kind: string): void {
	if ((IMPORTED_KINDS as readonly string[]).includes(kind)) return;
	throw new BackupError('INVALID_INPUT', `"${String(kind).slice(0, 40)}" is nothing that is imported.`, {
		hint: `Use some of ${IMPORTED_KINDS.join(', ')}. Nothing was changed.`,
	});
}

function notThere(name: string, kind: BesideImportKind): BackupError {
	const what = kind === 'dataTables' ? 'data tables' : kind;
	return new BackupError('INVALID_INPUT', `${name} tells of no ${what}.`, {
		hint: 'They are in what Export has made in the format A File for Each Workflow, where its API key was allowed to read them. Nothing was changed.',
	});
}

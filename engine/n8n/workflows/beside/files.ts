/** What the API tells besides workflows, as files for a tar. How rows move: page by page into files of some megabytes. */
import { safeName } from '../../../archive';
import { BackupError, throwIfCancelled } from '../../../errors';
import { type DataTable, isNotFound, isUnlicensed, type N8nApi } from '../../api';
import type { SeparateFile } from '../separate';
import type { JsonObject } from '../workflow';
import {
	type ListName,
	LISTS,
	listPath,
	MOST_ENTRIES,
	MOST_LIST_BYTES,
	ROWS_FILE_BYTES,
	rowsPath,
	type TableFacts,
	tablePath,
} from './layout';

export interface BesideOptions {
	api: N8nApi;
	/** Projects that something belongs to, for their folders; asked for once the workflows are read. */
	projects: () => Iterable<string>;
	/** Whether data tables go along. */
	dataTables: boolean;
	signal: AbortSignal | undefined;
}

/** What was written beside the workflows, for the manifest. */
export class BesideExport {
	readonly counts = { dataTables: 0, rows: 0 };
	readonly #warnings: string[] = [];
	readonly #unlicensed: string[] = [];
	readonly #gone: string[] = [];

	constructor(private readonly options: BesideOptions) {}

	/**
	 * The files. What the licence of that n8n does not include, and what the API key may not read, is a warning; what that n8n is too
	 * old for is not there.
	 * @throws BackupError CANCELLED, SOURCE_*
	 */
	async *files(): AsyncGenerator<SeparateFile> {
		const { api, signal } = this.options;
		const lists: Record<ListName, () => AsyncIterable<JsonObject>> = {
			tags: () => api.tags(signal),
			variables: () => api.variables(signal),
			projects: () => api.projects(signal),
			folders: () => this.#folders(),
		};
		for (const name of LISTS) {
			const entries = await this.#ifAllowed(name, async () => await gathered(name, lists[name](), signal));
			if (entries) yield file(listPath(name), Buffer.from(JSON.stringify(entries, null, 2)));
		}
		if (this.options.dataTables) yield* this.#tables();
	}

	get warnings(): string[] {
		const { length } = this.#gone;
		const gone = `${length === 1 ? 'A data table was' : `${length} data tables were`} deleted while the export ran, and left out.`;
		const unlicensed = `Not in the backup, because the licence of that n8n does not include them: ${this.#unlicensed.join(', ')}.`;
		return [...this.#warnings, ...(this.#unlicensed.length > 0 ? [unlicensed] : []), ...(length > 0 ? [gone] : [])];
	}

	async *#folders(): AsyncGenerator<JsonObject> {
		const { api, projects, signal } = this.options;
		for (const projectId of projects()) {
			for (const folder of await api.folders(projectId, signal)) yield { ...folder, projectId };
		}
	}

	async *#tables(): AsyncGenerator<SeparateFile> {
		const { api, signal } = this.options;
		const tables = await this.#ifAllowed('data tables', async () => await allTables(api, signal));
		for (const table of tables ?? []) {
			try {
				yield* this.#rows(table, safeName(table.id));
			} catch (error) {
				if (isNotFound(error)) this.#gone.push(table.name);
				else this.#tellRefusal(`rows of the data table ${table.name}`, error);
			}
		}
	}

	/** The rows, and behind them what the table is. */
	async *#rows(table: DataTable, folder: string): AsyncGenerator<SeparateFile> {
		const { api, signal } = this.options;
		let lines: string[] = [];
		let bytes = 0;
		let part = 0;
		let count = 0;
		for await (const page of api.tables.rows(table, signal)) {
			throwIfCancelled(signal);
			for (const row of page) {
				const line = `${JSON.stringify(row)}\n`;
				lines.push(line);
				bytes += Buffer.byteLength(line);
				count++;
				if (bytes < ROWS_FILE_BYTES) continue;
				yield file(rowsPath(folder, ++part), Buffer.from(lines.join('')));
				lines = [];
				bytes = 0;
			}
		}
		if (lines.length > 0) yield file(rowsPath(folder, ++part), Buffer.from(lines.join('')));
		this.counts.dataTables++;
		this.counts.rows += count;
		yield file(tablePath(folder), Buffer.from(JSON.stringify(factsOf(table, count), null, 2)));
	}

	async #ifAllowed<T>(what: string, read: () => Promise<T>): Promise<T | undefined> {
		throwIfCancelled(this.options.signal);
		try {
			return await read();
		} catch (error) {
			if (!isNotFound(error)) this.#tellRefusal(what, error);
			return undefined;
		}
	}

	/** @throws what is no refusal */
	#tellRefusal(what: string, error: unknown): void {
		if (isUnlicensed(error)) this.#unlicensed.push(what);
		else if (error instanceof BackupError && error.code === 'ACCESS_DENIED') {
			this.#warnings.push(`The ${what} are not in the backup. ${error.message} ${error.hint ?? ''}`.trim());
		} else throw error;
	}
}

/** The tables, listed until that brings nothing new: n8n lists those of one moment in any order. */
async function allTables(api: N8nApi, signal: AbortSignal | undefined): Promise<DataTable[]> {
	const found = new Map<string, DataTable>();
	for (let before = -1; found.size > before;) {
		before = found.size;
		for await (const table of api.tables.list(signal)) found.set(table.id, table);
		if (found.size > MOST_ENTRIES) throw tooMany('data tables');
	}
	return [...found.values()];
}

/** What of a table is kept; not what changes by itself. */
export function factsOf({ id, name, columns, projectId }: DataTable, rows: number): TableFacts {
	const inOrder = columns.toSorted((a, b) => (a.index ?? 0) - (b.index ?? 0));
	return { id, name, projectId, columns: inOrder.map(({ name: column, type }) => ({ name: column, type })), rows };
}

function file(path: string, content: Buffer): SeparateFile {
	return { path, content, modified: undefined };
}

async function gathered(
	what: string,
	list: AsyncIterable<JsonObject>,
	signal: AbortSignal | undefined,
): Promise<JsonObject[]> {
	const entries: JsonObject[] = [];
	let bytes = 0;
	for await (const entry of list) {
		throwIfCancelled(signal);
		bytes += JSON.stringify(entry).length;
		if (entries.push(entry) > MOST_ENTRIES || bytes > MOST_LIST_BYTES / 4) throw tooMany(what);
	}
	return entries;
}

function tooMany(what: string): BackupError {
	return new BackupError('SOURCE_FAILED', `n8n lists more ${what} than can be kept beside workflows.`, {
		hint: 'Export the workflows as one list.',
	});
}

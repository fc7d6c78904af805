/**
 * Data tables, and their rows. Facts of 2.41.3: rows are sorted and filtered by their ids, which count up, so a page begins behind
 * the last row of the one before it, and nothing that comes or goes meanwhile hides another row.
 */
import { ANSWERS, type DataTable, type DataTableRow } from './answers';
import type { Caller } from './caller';
import { AnswerTooLong, explain, N8nFailure, type Role } from './failure';
import { encodedId } from './ids';
import { asked, entriesBy, ENTRY_BYTES, PAGE_BYTES } from './lists';

const ROWS_OF_PAGE = 250;

/** What a row is stored as: values by the names of columns. */
export type RowValues = Readonly<Record<string, unknown>>;

export class DataTablesApi {
	constructor(
		private readonly caller: Caller,
		private readonly role: Role,
	) {}

	/** All that the key may see, those first that were made first. */
	async *list(signal?: AbortSignal): AsyncGenerator<DataTable> {
		const call = { what: 'Could not list the data tables', scope: 'dataTable:list', path: '/data-tables', signal };
		yield* entriesBy(
			{ caller: this.caller, role: this.role },
			{ ...call, query: { sortBy: 'createdAt:asc' } },
			ANSWERS.dataTables,
		);
	}

	/**
	 * The rows of a table in the order of their ids, some at once.
	 * @throws BackupError CANCELLED, ACCESS_DENIED, SOURCE_* or TARGET_*; its cause is a 404 where the table is gone
	 */
	async *rows({ id, name }: Pick<DataTable, 'id' | 'name'>, signal?: AbortSignal): AsyncGenerator<DataTableRow[]> {
		const what = `Could not read the rows of the data table ${name}`;
		const call = { what, scope: 'dataTableRow:read', path: `/data-tables/${encodedId(id)}/rows`, signal };
		let size = ROWS_OF_PAGE;
		let last = -Infinity;
		for (;;) {
			const query = { limit: String(size), sortBy: 'id:asc', ...(last > -Infinity && { filter: behind(last) }) };
			try {
				const limit = size === 1 ? ENTRY_BYTES : PAGE_BYTES;
				const { data, nextCursor } = await asked(this.caller.ask({ ...call, query, limit }, ANSWERS.dataTableRows));
				for (const row of data) {
					if (row.id <= last) throw new N8nFailure('its rows do not come in order', { status: 200, isForeign: true });
					last = row.id;
				}
				if (data.length > 0) yield data;
				if (data.length === 0 || !nextCursor) return;
			} catch (error) {
				if (!(error instanceof AnswerTooLong) || size === 1) {
					throw explain(error, { ...call, role: this.role, server: this.caller.server });
				}
				size = Math.max(1, Math.floor(size / 4));
			}
		}
	}

	/** @param projectId By default the personal project of the user whose key it is. */
	async create(
		{ name, columns }: Pick<DataTable, 'name' | 'columns'>,
		projectId: string | undefined,
		signal?: AbortSignal,
	): Promise<DataTable> {
		const body = {
			name,
			columns: columns.map(({ name: column, type }) => ({ name: column, type })),
			...(projectId !== undefined && { projectId }),
		};
		const what = `Could not create the data table ${name}`;
		const call = { method: 'POST' as const, what, scope: 'dataTable:create', path: '/data-tables', body, signal };
		return await this.caller.ask(call, ANSWERS.dataTable);
	}

	/** Appends rows: all of them, or none. */
	async insert(
		{ id, name }: Pick<DataTable, 'id' | 'name'>,
		rows: readonly RowValues[],
		signal?: AbortSignal,
	): Promise<void> {
		const what = `Could not store rows in the data table ${name}`;
		const path = `/data-tables/${encodedId(id)}/rows`;
		const body = { data: rows, returnType: 'count' };
		const call = { method: 'POST' as const, what, scope: 'dataTableRow:create', path, body, signal };
		await this.caller.ask(call, ANSWERS.anything);
	}
}

function behind(id: number): string {
	return JSON.stringify({ type: 'and', filters: [{ columnName: 'id', condition: 'gt', value: id }] });
}

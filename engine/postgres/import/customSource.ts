import { type CustomArchive, openArchive, planRestore, readToc, type RestorePlan, type Toc } from '../foreign';
import { lexScript, splitStatements } from '../script';
import type { RestoreSelection } from '../restore/selection';
import type { RestoreSource, RestoreStep, SourceFacts } from '../restore/source';
import { StatementSurvey } from '../restore/survey';
import { parseName, tableKey, tokenize } from '../restore/tokens';

import type { OpenScript } from './plainSource';

/** Bytes of a large object that go into one statement. */
const PIECE = 131_072;

/** Bytes of statements on large objects that are sent in one go. */
const BATCH = 1024 * 1024;

/** An archive in pg_dump's custom format (`-Fc`), read forwards only, so from wherever it comes. */
export class CustomSource implements RestoreSource {
	#toc: Toc | undefined;

	constructor(
		readonly name: string,
		readonly open: OpenScript,
	) {}

	async #archive(signal?: AbortSignal): Promise<CustomArchive> {
		return await openArchive(await this.open(signal), { signal });
	}

	async inspect(signal?: AbortSignal): Promise<SourceFacts> {
		const archive = await this.#archive(signal);
		this.#toc = archive.toc;
		const expectedRows = new Map<string, number>();
		for await (const block of archive.blocks()) {
			if (block.type === 'copy') {
				const { entry } = block;
				expectedRows.set(tableKey(entry.schema ?? '', entry.name), await countLines(block.rows));
			} else if (block.type === 'sql') for await (const chunk of block.sql) void chunk;
			else for await (const { data } of block.objects) for await (const chunk of data) void chunk;
		}
		const survey = new StatementSurvey();
		const plan = planRestore(archive.toc);
		for (const { sql } of [...plan.preData, ...plan.postData]) for (const text of statementsOf(sql)) survey.add(text);
		const { extensions, roles, schemas, createdSchemas, relations } = survey;
		return { name: this.name, extensions, roles, schemas, createdSchemas, relations, expectedRows, ordered: false };
	}

	async *steps(selection: RestoreSelection, signal?: AbortSignal): AsyncGenerator<RestoreStep> {
		this.#toc ??= await readToc(await this.open(signal), { signal });
		const plan = planRestore(this.#toc, {
			schemas: selection.schemas,
			tables: selection.tables?.map(tableName),
			withDependents: true,
			dataOnly: selection.dataOnly,
		});
		for (const sql of plan.setup) yield* statements(sql, '');
		for (const { sql, entry } of plan.preData) yield* statements(sql, entry ? nameOf(entry) : '');
		if (plan.data.length > 0) yield* this.#data(plan, signal);
		for (const { sql, entry } of plan.postData) yield* statements(sql, entry ? nameOf(entry) : '');
	}

	async *#data(plan: RestorePlan, signal?: AbortSignal): AsyncGenerator<RestoreStep> {
		const wanted = new Map(plan.data.map(({ entry, session }) => [entry.id, session]));
		const archive = await this.#archive(signal);
		for await (const block of archive.blocks((entry) => wanted.has(entry.id))) {
			const { entry } = block;
			for (const sql of wanted.get(entry.id) ?? []) yield* statements(sql, '');
			const table = tableKey(entry.schema ?? '', entry.name);
			if (block.type === 'copy')
				yield { type: 'copy', statement: block.statement, comment: nameOf(entry), rows: block.rows, table };
			else if (block.type === 'sql') yield* inserts(block.sql, nameOf(entry), signal);
			else yield* largeObjects(block.objects);
		}
	}
}

/** In the form of pg_dump's own comments, which name the object in errors. */
function nameOf({ name, type, schema }: { name: string; type: string; schema: string | null }): string {
	return `-- Name: ${name}; Type: ${type}; Schema: ${schema ?? '-'};`;
}

function tableName(text: string): { schema?: string; name: string } {
	const [first = '', second] = parseName(tokenize(text), 0)?.parts ?? [];
	return second === undefined ? { name: first } : { schema: first, name: second };
}

function statementsOf(sql: string): string[] {
	return splitStatements(sql).map(({ start, end }) => sql.slice(start, end).replace(/;\s*$/, ''));
}

function* statements(sql: string, comment: string): Generator<RestoreStep> {
	for (const text of statementsOf(sql)) yield { type: 'statement', text, comment };
}

async function* inserts(
	sql: AsyncIterable<Buffer>,
	comment: string,
	signal?: AbortSignal,
): AsyncGenerator<RestoreStep> {
	for await (const item of lexScript(sql, { signal }))
		if (item.type === 'statement') yield { type: 'statement', text: item.text, comment };
}

async function countLines(rows: AsyncIterable<Buffer>): Promise<number> {
	let lines = 0;
	for await (const chunk of rows) for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
	return lines;
}

/** The statements that put the contents back, some at a time. */
async function* largeObjects(
	objects: AsyncIterable<{ oid: number; data: AsyncIterable<Buffer> }>,
): AsyncGenerator<RestoreStep> {
	let batch = '';
	for await (const { oid, data } of objects) {
		let offset = 0;
		for await (const chunk of data) {
			for (let from = 0; from < chunk.length; from += PIECE) {
				const piece = chunk.subarray(from, from + PIECE);
				batch += `SELECT pg_catalog.lo_put(${oid}, ${offset}, pg_catalog.decode('${piece.toString('hex')}', 'hex'));\n`;
				offset += piece.length;
				if (batch.length < BATCH) continue;
				yield { type: 'batch', sql: batch };
				batch = '';
			}
		}
	}
	if (batch !== '') yield { type: 'batch', sql: batch };
}

import {
	copyOf,
	type CustomArchive,
	isOfDatabase,
	openArchive,
	type PlannedStatement,
	planRestore,
	readToc,
	type RestorePlan,
	type Toc,
	type TocEntry,
} from '../foreign';
import {
	leftOut,
	type Inspection,
	type RestoreSelection,
	type RestoreSource,
	type RestoreStep,
	type SelectionFilter,
	type SourceFacts,
	StatementChooser,
	StatementSurvey,
} from '../restore';
import { lexScript, splitStatements } from '../script';
import { readDataCopy } from '../statements/dataCopy';
import { describeStatement } from '../statements/statement';
import { tableKey } from '../statements/tokens';

import type { OpenScript } from './plainScript';
import { statedLocale } from './statedLocale';

/** Bytes of a large object that go into one statement. */
const PIECE = 131_072;

/** Bytes of statements on large objects that are sent in one go. */
const BATCH = 1024 * 1024;

/**
 * A source for restores from an archive in pg_dump's custom format (`-Fc`). The archive is read forwards only, so it may come
 * from any storage, and from its beginning each time: once by `inspect`, which counts rows and notes what the definitions are
 * about, and once by `steps`, which hands out the definitions (they stand in the table of contents, at the front), then the
 * wanted blocks of data in the order of the file, and then the definitions that need the data. Rows are passed on in chunks.
 *
 * Where rows may be checked while they are loaded, `inspect` reads no further than the table of contents, which has all that
 * it notes but the number of rows. `steps` counts them on their way, and fails where a block is damaged or missing. Rows that
 * are INSERTs are statements, which have to be judged before anything is done: such an archive is read whole beforehand.
 */
export class CustomSource implements RestoreSource {
	#toc: Toc | undefined;
	/** Rows by table key, to be counted while they are loaded; undefined where they were counted before. */
	#counted: Map<string, number> | undefined;

	constructor(
		readonly name: string,
		readonly open: OpenScript,
	) {}

	async #archive(signal?: AbortSignal): Promise<CustomArchive> {
		return await openArchive(await this.open(signal), { signal });
	}

	async inspect({ signal, check = 'first' }: Inspection = {}): Promise<SourceFacts> {
		const archive = await this.#archive(signal);
		const { toc } = archive;
		this.#toc = toc;
		const plan = planRestore(toc);
		const survey = surveyOf(plan);
		const isCountedLater =
			check === 'whileLoading' && plan.data.every(({ entry }) => entry.copy || entry.type === 'BLOBS');
		if (isCountedLater) {
			await archive.close();
			for (const { entry } of plan.data) {
				const statement = copyOf(entry, toc.decoding);
				if (statement !== undefined) noteRows(survey, entry, statement, 0);
			}
		} else await surveyData(archive, survey, signal);
		const created = toc.entries.find(({ type }) => type === 'DATABASE')?.definition;
		const locale = created ? statedLocale(created) : undefined;
		const { facts } = survey;
		this.#counted = isCountedLater ? facts.expectedRows : undefined;
		return { name: this.name, ...facts, lacks: survey.lacks, ordered: false, statedLocale: locale };
	}

	async *steps(selection: RestoreSelection, signal?: AbortSignal): AsyncGenerator<RestoreStep> {
		this.#toc ??= await readToc(await this.open(signal), { signal });
		const plan = planRestore(this.#toc);
		const filter = surveyOf(plan).filter(selection);
		const chooser = new StatementChooser(filter);
		const definitions = function* (planned: PlannedStatement[]) {
			for (const { sql, entry } of planned) yield* chosen(sql, entry ? commentOf(entry) : '', chooser);
		};
		for (const sql of plan.setup) yield* chosen(sql, '', chooser);
		yield* definitions(plan.preData);
		yield* this.#data(plan, filter, signal);
		yield* definitions(plan.postData);
		yield* chooser.end();
		const left = filter.all && !selection.dataOnly ? ofDatabase(this.#toc) : [];
		if (left.length > 0) yield { type: 'warning', text: leftOut(left) };
	}

	async *#data(plan: RestorePlan, filter: SelectionFilter, signal?: AbortSignal): AsyncGenerator<RestoreStep> {
		const chosen = plan.data.filter(({ entry: { type, schema, name } }) =>
			type.startsWith('BLOB') ? filter.all : filter.wantsTable(tableKey(schema ?? '', name)),
		);
		if (chosen.length === 0) return;
		const wanted = new Map(chosen.map(({ entry, session }) => [entry.id, session]));
		const archive = await this.#archive(signal);
		for await (const block of archive.blocks((entry) => wanted.has(entry.id))) {
			const { entry } = block;
			for (const text of (wanted.get(entry.id) ?? []).flatMap(statementsOf))
				yield { type: 'statement', text, comment: '' };
			const table = tableKey(entry.schema ?? '', entry.name);
			if (block.type === 'copy') {
				const rows = this.#counted ? counting(block.rows, table, this.#counted) : block.rows;
				yield { type: 'copy', statement: block.statement, comment: commentOf(entry), rows, table };
			} else if (block.type === 'sql') yield* inserts(block.sql, commentOf(entry), table, signal);
			else yield* largeObjects(block.objects);
		}
	}
}

/** @param statement the COPY that loads the rows */
function noteRows(survey: StatementSurvey, entry: TocEntry, statement: string, rows: number): void {
	survey.copied(statement);
	survey.addRows(tableKey(entry.schema ?? '', entry.name), rows, readDataCopy(statement)?.columns);
}

/** Reads all data of an archive. */
async function surveyData(
	archive: CustomArchive,
	survey: StatementSurvey,
	signal: AbortSignal | undefined,
): Promise<void> {
	for await (const block of archive.blocks()) {
		if (block.type === 'copy') noteRows(survey, block.entry, block.statement, await countLines(block.rows));
		else if (block.type === 'large-objects') {
			for await (const { data } of block.objects) for await (const chunk of data) void chunk;
		} else {
			const table = tableKey(block.entry.schema ?? '', block.entry.name);
			survey.addRows(table, 0);
			for await (const item of lexScript(block.sql, { signal }))
				if (item.type === 'statement') survey.add(item.text, table);
		}
	}
}

/** Counts the rows of a table while they go by. */
async function* counting(
	rows: AsyncIterable<Buffer>,
	table: string,
	counted: Map<string, number>,
): AsyncGenerator<Buffer> {
	for await (const chunk of rows) {
		counted.set(table, (counted.get(table) ?? 0) + linesIn(chunk));
		yield chunk;
	}
}

/** In the form of pg_dump's own comments, which name the object in errors. */
function commentOf({ name, type, schema }: { name: string; type: string; schema: string | null }): string {
	return `-- Name: ${name}; Type: ${type}; Schema: ${schema ?? '-'};`;
}

function statementsOf(sql: string): string[] {
	return splitStatements(sql).map(({ start, end }) => sql.slice(start, end).replace(/;\s*$/, ''));
}

function* chosen(sql: string, comment: string, chooser: StatementChooser): Generator<RestoreStep> {
	for (const text of statementsOf(sql)) yield* chooser.choose(text, comment);
}

function surveyOf(plan: RestorePlan): StatementSurvey {
	const survey = new StatementSurvey();
	for (const sql of plan.setup) for (const text of statementsOf(sql)) survey.add(text);
	for (const { sql } of [...plan.preData, ...plan.postData]) for (const text of statementsOf(sql)) survey.add(text);
	return survey;
}

/** What pg_restore --create would do to the database itself. */
function ofDatabase({ entries }: Toc): string[] {
	const found = entries.filter((entry) => isOfDatabase(entry) && entry.type !== 'DATABASE');
	return [...new Set(found.map(({ type }) => LABELS[type] ?? `${type} ON DATABASE`))];
}

const LABELS: Record<string, string> = { 'DATABASE PROPERTIES': 'ALTER DATABASE', ACL: 'GRANT ON DATABASE' };

async function* inserts(
	sql: AsyncIterable<Buffer>,
	comment: string,
	table: string,
	signal?: AbortSignal,
): AsyncGenerator<RestoreStep> {
	for await (const item of lexScript(sql, { signal })) {
		if (item.type !== 'statement') continue;
		const isInsert = describeStatement(item.text).kind === 'INSERT';
		yield { type: 'statement', text: item.text, comment, ...(isInsert && { table }) };
	}
}

async function countLines(rows: AsyncIterable<Buffer>): Promise<number> {
	let lines = 0;
	for await (const chunk of rows) lines += linesIn(chunk);
	return lines;
}

function linesIn(chunk: Buffer): number {
	let lines = 0;
	for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
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

import { BackupError } from '../../errors';
import {
	type CustomArchive,
	openArchive,
	type PlannedStatement,
	planRestore,
	readToc,
	type RestorePlan,
	type Toc,
} from '../foreign';
import { lexScript, splitStatements } from '../script';
import type { RestoreSelection, SelectionFilter } from '../restore/selection';
import type { RestoreSource, RestoreStep, SourceFacts } from '../restore/source';
import { StatementSurvey } from '../restore/survey';
import { tableKey } from '../restore/tokens';

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
		const plan = planRestore(archive.toc);
		const survey = surveyOf(plan);
		const { extensions, roles, schemas, createdSchemas, relations } = survey;
		return { name: this.name, extensions, roles, schemas, createdSchemas, relations, expectedRows, ordered: false };
	}

	async *steps(selection: RestoreSelection, signal?: AbortSignal): AsyncGenerator<RestoreStep> {
		this.#toc ??= await readToc(await this.open(signal), { signal });
		const plan = planRestore(this.#toc);
		const filter = surveyOf(plan).filter(selection);
		// Such statements name things without their schema, so what they are about cannot be told.
		if (!filter.all && this.#toc.searchPath === null) {
			throw new BackupError(
				'INVALID_INPUT',
				`${this.name} was made by a pg_dump of before 2018, which can only be restored as a whole; nothing was changed.`,
				{
					hint: 'Restore all of it into a new database, and take what you need from there.',
				},
			);
		}
		const definitions = function* (planned: PlannedStatement[]) {
			for (const { sql, entry } of planned) yield* statements(sql, entry ? nameOf(entry) : '', filter);
		};
		for (const sql of plan.setup) yield* statements(sql, '');
		yield* definitions(plan.preData);
		yield* this.#data(plan, filter, signal);
		yield* definitions(plan.postData);
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

function statementsOf(sql: string): string[] {
	return splitStatements(sql).map(({ start, end }) => sql.slice(start, end).replace(/;\s*$/, ''));
}

function* statements(sql: string, comment: string, filter?: SelectionFilter): Generator<RestoreStep> {
	for (const text of statementsOf(sql)) {
		const decision = filter?.decide(text) ?? 'yes';
		if (decision !== 'no') yield { type: 'statement', text, comment, decision };
	}
}

function surveyOf(plan: RestorePlan): StatementSurvey {
	const survey = new StatementSurvey();
	for (const { sql } of [...plan.preData, ...plan.postData]) for (const text of statementsOf(sql)) survey.add(text);
	return survey;
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

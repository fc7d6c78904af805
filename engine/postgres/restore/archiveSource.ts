import type { ArchiveReader, Manifest, ManifestPart } from '../../archive';
import { BackupError } from '../../errors';
import type { DatabaseProperties } from '../dump/databaseProperties';
import { parseSettingsFrame, SETTINGS_PART } from '../dump/settingsFrame';
import { copyInEncoding, decodingFor, lexScript } from '../script';

import type { RestoreSelection, SelectionFilter } from './selection';
import type { RestoreSource, RestoreStep, SourceFacts } from './source';
import { StatementSurvey } from './survey';
import { tableKey } from './tokens';

const TRAILER = '\\.\n';
const SEMICOLON = 0x3b;
const QUOTE = 0x22;

const isScript = ({ type }: ManifestPart): boolean => type === 'pre-data' || type === 'post-data';

/** A dump of ours: parts in frames, which name their table, so that only those wanted are read. */
export class ArchiveSource implements RestoreSource {
	readonly #survey = new StatementSurvey();
	readonly #manifest: Manifest;

	constructor(readonly reader: ArchiveReader) {
		this.#manifest = reader.manifest;
	}

	async inspect(signal?: AbortSignal): Promise<SourceFacts> {
		await this.reader.checkKeys(signal);
		await this.reader.verifyStored(signal);
		for await (const { raw } of this.reader.parts(isScript, signal)) {
			for await (const item of lexScript(Buffer.isBuffer(raw) ? one(raw) : raw))
				if (item.type === 'statement') this.#survey.add(item.text);
		}
		const { source, options, tables = [] } = this.#manifest;
		const properties = source.properties as Omit<DatabaseProperties, 'settings'> | undefined;
		return {
			name: this.#manifest.file,
			extensions: this.#survey.extensions,
			roles: this.#survey.roles,
			schemas: this.#survey.schemas,
			createdSchemas: this.#survey.createdSchemas,
			relations: this.#survey.relations,
			properties: properties && { ...properties, settings: await this.#settings(signal) },
			expectedRows: new Map(tables.map(({ schema, name, rows }) => [tableKey(schema, name), rows])),
			serverVersion: Number(source.versionNumber),
			ordered: options.ordered === true,
		};
	}

	async #settings(signal?: AbortSignal): Promise<DatabaseProperties['settings']> {
		for await (const { raw } of this.reader.parts(({ type }) => type === SETTINGS_PART, signal)) {
			if (Buffer.isBuffer(raw)) return parseSettingsFrame(raw);
		}
		return [];
	}

	async *steps(selection: RestoreSelection, signal?: AbortSignal): AsyncGenerator<RestoreStep> {
		const filter = this.#survey.filter(selection);
		const wanted = (part: ManifestPart) => {
			if (part.table !== undefined) return filter.wantsTable(this.#tableOf(part));
			return isScript(part) || (part.type === 'large-objects' && filter.all);
		};
		for await (const { part, raw } of this.reader.parts(wanted, signal)) {
			if (part.type === 'data') yield* this.#rows(part, raw);
			else if (part.type === 'large-objects') yield* batches(raw);
			else yield* statements(Buffer.isBuffer(raw) ? one(raw) : raw, filter);
		}
	}

	#tableOf({ table = -1 }: ManifestPart): string {
		const entry = this.#manifest.tables?.[table];
		if (!entry)
			throw new BackupError(
				'MANIFEST_INVALID',
				`The manifest of ${this.#manifest.file} names a table that it does not list.`,
			);
		return tableKey(entry.schema, entry.name);
	}

	/** Rows of a database without an encoding may hold anything: the server is to take them as they are. */
	#inEncoding(statement: string): string {
		const { encoding } = (this.#manifest.source.properties ?? {}) as Partial<DatabaseProperties>;
		return encoding === 'SQL_ASCII' ? copyInEncoding(statement, decodingFor(encoding)) : statement;
	}

	async *#rows(part: ManifestPart, raw: Buffer | AsyncIterable<Buffer>): AsyncGenerator<RestoreStep> {
		const table = this.#tableOf(part);
		const inOrder = this.#manifest.options.ordered === true;
		if (Buffer.isBuffer(raw) && !inOrder) {
			const header = endOfStatement(raw);
			const statement = this.#inEncoding(raw.toString('utf8', 0, header));
			yield {
				type: 'copy',
				statement,
				comment: '',
				rows: raw.subarray(header + 2, raw.length - TRAILER.length),
				table,
			};
			return;
		}
		for await (const item of lexScript(Buffer.isBuffer(raw) ? one(raw) : raw)) {
			if (item.type === 'copy') {
				const statement = this.#inEncoding(item.statement);
				yield { type: 'copy', statement, comment: '', rows: item.rows, table };
			}
		}
	}
}

/** Index of the semicolon that ends the COPY; one inside of a quoted name does not. */
function endOfStatement(frame: Buffer): number {
	let quoted = false;
	for (let at = 0; at < frame.length; at++) {
		if (frame[at] === QUOTE) quoted = !quoted;
		else if (frame[at] === SEMICOLON && !quoted) return at;
	}
	throw new BackupError('ARCHIVE_CORRUPT', 'A frame of rows does not begin with a COPY statement.');
}

async function* one(buffer: Buffer): AsyncGenerator<Buffer> {
	yield await Promise.resolve(buffer);
}

async function* batches(raw: Buffer | AsyncIterable<Buffer>): AsyncGenerator<RestoreStep> {
	const chunks: Buffer[] = [];
	for await (const chunk of Buffer.isBuffer(raw) ? one(raw) : raw) chunks.push(chunk);
	yield { type: 'batch', sql: Buffer.concat(chunks).toString('utf8') };
}

async function* statements(script: AsyncIterable<Buffer>, filter: SelectionFilter): AsyncGenerator<RestoreStep> {
	for await (const item of lexScript(script)) {
		const decision = item.type === 'statement' ? filter.decide(item.text) : 'no';
		if (item.type !== 'statement' || decision === 'no') continue;
		yield { type: 'statement', text: item.text, comment: item.comment, decision };
	}
}

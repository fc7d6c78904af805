/**
 * How bytes move through a restore from an archive of ours. Its parts are frames, each of which has its own SHA-256 in the
 * manifest and names its table. So only those that are wanted are read, by ranges:
 *
 * - `inspect` reads the definitions, checks that nothing stands in them that pg_dump does not write, and surveys them. They
 *   are kept in memory, as far as they are no larger than most are; larger ones are read again. However they come, `steps`
 *   judges each of their statements once more before it hands it out (see ArchiveScripts).
 * - A target that exists already is touched once everything is known to be good: so `inspect` also reads and checks the rows
 *   that are wanted, and `steps` reads them once more.
 * - A database that gets its name at the very end, or is dropped, is filled while rows are being checked: `steps` reads each
 *   frame once, checks it, and hands it out then. When it ends without an error, everything was as it was backed up.
 *
 * Is that as much as the hash of the whole file says? The parts cover the compressed stream without a gap or an overlap
 * (openArchive refuses anything else), and every frame that is used is compared with its own hash: one of up to 64 MiB before
 * anything of it is used, a larger one, which streams, before its last chunk is, so that a restore fails and what it filled is not
 * taken for complete. So every byte of the stream that is used was compared with a hash in the manifest, whether it was decrypted
 * before or not. The manifest is protected by its own checksum, and with a passphrase by its HMAC: whoever could forge the hash of
 * a frame could forge that of the file. What that means for an encrypted archive, docs/design.md says (Ranges of encrypted archives).
 *
 * Older encrypted archives can only be read from their beginning (ArchiveReader.readsByRanges). Their definitions before the rows
 * are read first; what comes after the rows is checked and surveyed when it comes, and the target asked for the roles that it names
 * (see `requirements`).
 */
import { assertSelfContained } from '../../../archive';
import type { ArchiveReader, Manifest, ManifestPart, ReadPartResult } from '../../../archive';
import { BackupError } from '../../../errors';
import { giveBack } from '../../../storage/lent';
import { type DatabaseProperties, type StoredProperties, storedPropertiesSchema } from '../../dump/databaseProperties';
import { parseSettingsFrame, SETTINGS_PART } from '../../dump/settingsFrame';
import { largeObjectPieces } from '../../largeObjectFrame';
import { holdsRows, tablesIn } from '../../rowParts';
import { tableKey } from '../../statements/tokens';

import { one, PartCheck } from './archiveContent';
import { ArchiveScripts, isScript } from './archiveScripts';
import { StatementChooser } from './chooser';
import { lackingByManifest } from './completeness';
import { readAhead } from './readAhead';
import { RowFrames } from './rowFrames';
import type { RestoreSelection, SelectionFilter } from './selection';
import type { CopyStep, FilledTables, Inspection, RestoreSource, RestoreStep, SourceFacts } from './source';
import { StatementSurvey } from './survey';

/** Bytes of definitions that are kept; larger ones are read again. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;

/** While a frame of up to this size is being loaded, the next one, whatever its size, is read already and waits in memory. */
const MAX_AHEAD_BYTES = 16 * 1024 * 1024;

const isDefinition = (part: ManifestPart): boolean => isScript(part) || part.type === SETTINGS_PART;

type Wanted = (part: ManifestPart, index: number) => boolean;

/** A backup of ours, as a source of a restore. */
export class ArchiveSource implements RestoreSource {
	readonly #survey = new StatementSurvey();
	readonly #manifest: Manifest;
	readonly #rows: RowFrames;
	/** Indexes of the parts that were checked, and the content of those that are kept. */
	readonly #checked = new Map<number, Buffer | undefined>();
	#keptBytes = 0;
	#settings: DatabaseProperties['settings'] = [];
	/** The columns that rows fill, by table key, as far as rows were read. */
	readonly #columns = new Map<string, string[] | undefined>();
	/** Where rows are checked while they are loaded: the check that the next call of `steps` completes. */
	#pending: PartCheck | undefined;

	constructor(readonly reader: ArchiveReader) {
		this.#manifest = reader.manifest;
		this.#rows = new RowFrames(reader.manifest, this.#survey);
	}

	async inspect({ selection = {}, check = 'first', signal }: Inspection = {}): Promise<SourceFacts> {
		assertSelfContained(this.#manifest);
		const properties = this.#properties();
		await this.reader.assertOpens(signal);
		let filter = this.#survey.filter(selection);
		const content = new PartCheck(
			this.#manifest,
			{
				onStatement: (text) => void this.#survey.add(text),
				onRows: (index, { table, columns }) => {
					const listed = this.#rows.tableAt(index);
					// A frame may hold rows of other tables, too.
					if (!filter.wantsTable(listed)) return;
					this.#rows.assertChosen(listed, table, filter, '; nothing was changed');
					if (!this.#columns.has(table)) this.#columns.set(table, columns);
				},
			},
			signal,
		);
		const firstRows = this.#manifest.parts.findIndex((part) => !isDefinition(part));
		const beforeRows: Wanted = (_, index) => firstRows < 0 || index < firstRows;
		await this.#check(content, this.reader.readsByRanges ? isDefinition : beforeRows, signal);
		if (this.reader.readsByRanges) content.assertScriptComplete();
		this.#ownSequences();
		// The definitions say what belongs to what is chosen.
		filter = this.#survey.filter(selection);
		if (check === 'first') {
			const wanted = this.#wanted(filter);
			await this.#check(content, (part, index) => wanted(part) && !this.#checked.has(index), signal);
			content.finish(filter);
		} else this.#pending = content;
		return this.#facts(properties);
	}

	/** Reads parts and checks them; what is small and needed again is kept. */
	async #check(content: PartCheck, wanted: Wanted, signal?: AbortSignal): Promise<void> {
		for await (const { index, part, raw } of this.reader.parts(wanted, signal, { lends: true })) {
			await content.read(part, raw);
			if (holdsRows(part) && Buffer.isBuffer(raw)) giveBack(raw);
			if (part.type === SETTINGS_PART && Buffer.isBuffer(raw)) this.#settings = parseSettingsFrame(raw);
			const keeps = Buffer.isBuffer(raw) && isScript(part) && this.#keptBytes + raw.length <= MAX_KEPT_BYTES;
			if (keeps) this.#keptBytes += raw.length;
			this.#checked.set(index, keeps ? raw : undefined);
		}
	}

	/** A backup of rows alone does not define to which tables its sequences belong; its manifest says so. */
	#ownSequences(): void {
		for (const { schema, name, sequences = [] } of this.#manifest.tables ?? [])
			for (const sequence of sequences)
				this.#survey.own(tableKey(schema, name), tableKey(sequence.schema, sequence.name));
	}

	#facts(properties: StoredProperties | undefined): SourceFacts {
		const { options, tables = [] } = this.#manifest;
		const surveyed = this.#survey.facts;
		return {
			name: this.#manifest.file,
			...surveyed,
			lacks: lackingByManifest(this.#manifest),
			properties: properties && { ...properties, settings: this.#settings },
			expectedRows: new Map([
				// Rows without columns are INSERTs, which older manifests do not list.
				...surveyed.expectedRows,
				...tables.map(({ schema, name, rows }) => [tableKey(schema, name), rows] as const),
			]),
			filled: (selection) => Promise.resolve(this.#filled(selection)),
			ordered: options.ordered === true,
		};
	}

	/** @throws BackupError MANIFEST_INVALID: what the manifest says of the database goes into SQL. */
	#properties(): StoredProperties | undefined {
		const { source, file } = this.#manifest;
		if (source.properties === undefined) return undefined;
		const result = storedPropertiesSchema.safeParse(source.properties);
		if (result.success) return result.data;
		const issue = result.error.issues[0];
		throw new BackupError(
			'MANIFEST_INVALID',
			`The manifest of ${file} is not valid: source.properties.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown'}; nothing was changed.`,
			{ hint: 'It was damaged or edited. Choose another backup; the archive itself may still open with stock tools.' },
		);
	}

	/**
	 * The chosen tables that have rows in the archive, be they none, and the columns that these fill: as the rows themselves
	 * say. Of an empty table that is defined the manifest alone says whether its rows were backed up; what else a manifest
	 * lists is no reason yet to empty a table.
	 */
	#filled(selection: RestoreSelection): FilledTables {
		const filter = this.#survey.filter(selection);
		const listed = (this.#manifest.tables ?? []).map(({ schema, name }) => tableKey(schema, name));
		const known = [
			...this.#survey.facts.expectedRows.keys(),
			...listed.filter((key) => this.#survey.defines(key)),
			...this.#columns.keys(),
		];
		return new Map(known.filter((key) => filter.wantsTable(key)).map((key) => [key, this.#columns.get(key)]));
	}

	#wanted(filter: SelectionFilter): (part: ManifestPart) => boolean {
		return (part) => {
			if (holdsRows(part)) return tablesIn(part).some((table) => filter.wantsTable(this.#rows.tableAt(table)));
			return isScript(part) || (part.type === 'large-objects' && filter.all);
		};
	}

	async *steps(selection: RestoreSelection, signal?: AbortSignal): AsyncGenerator<RestoreStep> {
		const filter = this.#survey.filter(selection);
		const chooser = new StatementChooser(filter);
		const scripts = new ArchiveScripts(this.#manifest.file, filter, chooser);
		const check = this.#pending;
		this.#pending = undefined;
		const retry: RestoreStep = { type: 'retry', rows: (places) => this.#retry(places, filter, signal) };
		let hadRows = false;
		for await (const { index, part, raw } of this.#parts(this.#wanted(filter), signal)) {
			const isUnchecked = check !== undefined && !this.#checked.has(index);
			const content = isUnchecked ? await check.passOn(part, raw) : raw;
			if (hadRows && part.type === 'post-data') yield retry;
			if (part.type !== 'large-objects') hadRows = holdsRows(part);
			if (holdsRows(part)) yield* releasing(this.#rows.steps(index, part, content, filter), content);
			else if (part.type === 'large-objects') yield* batches(Buffer.isBuffer(content) ? one(content) : content);
			else if (isScript(part)) yield* scripts.steps(content, isUnchecked);
			else throw new Error(`Nothing is made of a part of the type ${part.type}.`);
		}
		if (hadRows) yield retry;
		yield* chooser.end();
		check?.finish(filter);
	}

	/** The wanted parts in their order; those that are kept come from memory. */
	async *#parts(
		wanted: (part: ManifestPart) => boolean,
		signal?: AbortSignal,
	): AsyncGenerator<{ index: number; part: ManifestPart; raw: Buffer | AsyncIterable<Buffer> }> {
		const { parts } = this.#manifest;
		for (let from = 0; from < parts.length;) {
			const part = parts[from] as ManifestPart;
			const kept = this.#checked.get(from);
			if (kept) yield { index: from++, part, raw: kept };
			else {
				const start = from;
				while (from < parts.length && !this.#checked.get(from)) from++;
				const end = from;
				yield* this.#read((part, index) => index >= start && index < end && wanted(part), signal);
			}
		}
	}

	/** The next frame is read while one is being loaded. */
	#read(wanted: Wanted, signal?: AbortSignal) {
		const read = (ended: AbortSignal) => this.reader.parts(wanted, ended, { lends: true });
		const mayWait = ({ raw }: ReadPartResult) => Buffer.isBuffer(raw) && raw.length <= MAX_AHEAD_BYTES;
		return readAhead(read, mayWait, signal);
	}

	async *#retry(places: ReadonlySet<number>, filter: SelectionFilter, signal?: AbortSignal): AsyncGenerator<CopyStep> {
		const wanted = this.#rows.partsOf(places);
		for await (const { index, part, raw } of this.reader.parts((_, at) => wanted.has(at), signal))
			yield* this.#rows.steps(index, part, raw, filter, places);
	}
}

/** The steps of a frame, which gives its memory back once the rows of all of them have been released. */
async function* releasing(
	steps: AsyncIterable<CopyStep>,
	frame: Buffer | AsyncIterable<Buffer>,
): AsyncGenerator<CopyStep> {
	// Rows that come as a stream are slices of the frame as well, and nobody says when they were read.
	let users = 1;
	const release = () => {
		if (--users === 0 && Buffer.isBuffer(frame)) giveBack(frame);
	};
	for await (const step of steps) {
		users++;
		yield Buffer.isBuffer(step.rows) ? { ...step, release } : step;
	}
	release();
}

/** Characters of statements on large objects that are sent in one go. */
const BATCH = 2 * 1024 * 1024;

async function* batches(frame: AsyncIterable<Buffer>): AsyncGenerator<RestoreStep> {
	let sql = '';
	for await (const piece of largeObjectPieces(frame)) {
		if (sql.length > 0 && sql.length + piece.length > BATCH) {
			yield { type: 'batch', sql };
			sql = '';
		}
		sql += `${piece}\n`;
	}
	if (sql.length > 0) yield { type: 'batch', sql };
}

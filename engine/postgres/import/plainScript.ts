/*
 * A psql script of pg_dump or pg_dumpall, looked through once. It is read from end to end; what is kept is what a restore
 * has to know beforehand, for each of its databases apart, and the statements on roles and other globals, which are few.
 */
import { BackupError } from '../../errors';
import type { DatabaseLocale } from '../dump/databaseProperties';
import { KeptDefinitions, StatementSurvey } from '../restore';
import { lexScript, type ScriptItem, type ScriptMeta } from '../script';
import { readDataCopy } from '../statements/dataCopy';
import { isTextFormat } from '../statements/dataCopy';
import type { StatementFacts } from '../statements/facts';

import { ScriptEnds } from './scriptEnds';
import { isConnect, ScriptSections, type Section } from './sections';
import { statedLocale } from './statedLocale';

/** Opens the script from its first byte; every call reads it anew. */
export type OpenScript = (signal?: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;

/** Roles and globals of a server with ten thousand roles take some 4 MiB. */
const MAX_GLOBALS_CHARACTERS = 32 * 1024 * 1024;

/** Backslash commands that concern psql alone. */
const IGNORED = new Set(['restrict', 'unrestrict', 'echo', 'timing', 'pset', 'x', 'qecho', 'warn']);

/** What a script holds of one database. */
export interface ScriptDatabase {
	/** Undefined where the script does not tell. */
	name: string | undefined;
	/** The index of its section in the script. */
	index: number;
	survey: StatementSurvey;
	/** Things that it creates, without what every database has. */
	objects: number;
	tables: number;
	/** The number of rows that can be counted. */
	rows: number;
	/** Whether it brings any row, also one that cannot be counted. */
	hasRows: boolean;
	locale: DatabaseLocale | undefined;
	/** Number of its last item in the script. */
	lastItem: number;
}

/** What there is in a script. */
export interface ScriptInspection {
	/** In the order of the script. */
	databases: ScriptDatabase[];
	/** The statements on roles and other globals, of a script that pg_dumpall made; undefined in others. */
	globals: string[] | undefined;
}

/** A script, and what has been found in it. */
export class PlainScript {
	#inspection: Promise<ScriptInspection> | undefined;

	constructor(
		readonly name: string,
		readonly open: OpenScript,
		readonly kept = new KeptDefinitions(),
	) {}

	/**
	 * Reads it to its end, once.
	 * @throws BackupError INVALID_INPUT for what pg_dump never writes, ARCHIVE_INCOMPLETE, as lexScript does; what the source throws
	 */
	async inspect(signal?: AbortSignal): Promise<ScriptInspection> {
		this.#inspection ??= new Inspector(this.name, this.kept).inspect(await this.open(signal), signal);
		return await this.#inspection;
	}

	/** The items that belong to a database of the inspection, up to its last one. */
	async *items({ index, lastItem }: ScriptDatabase, signal?: AbortSignal): AsyncGenerator<ScriptItem> {
		const ends = new ScriptEnds();
		const sections = new ScriptSections();
		let count = 0;
		for await (const item of lexScript(await this.open(signal), { signal, onComment: (text) => ends.note(text) })) {
			if (sections.sectionOf(item, ends)?.index === index) yield item;
			if (++count > lastItem) return;
		}
	}
}

/** One look through a script. */
class Inspector {
	readonly #ends = new ScriptEnds();
	readonly #sections = new ScriptSections();
	readonly #found = new Map<Section, ScriptDatabase>();
	readonly #globals: string[] = [];
	#globalsLength = 0;
	#items = 0;

	constructor(
		readonly name: string,
		readonly kept: KeptDefinitions,
	) {}

	async inspect(script: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<ScriptInspection> {
		const onComment = (text: string) => this.#ends.note(text);
		for await (const item of lexScript(script, { signal, onComment })) {
			if (item.type === 'meta') checkMeta(item);
			const section = this.#sections.sectionOf(item, this.#ends);
			const isGlobal = this.#ends.ofCluster && section === this.#sections.all[0];
			if (isGlobal) this.#addGlobal(item);
			else if (section) await this.#add(item, this.#databaseOf(section));
			this.#items++;
		}
		this.#check();
		for (const [section, found] of this.#found) {
			found.name = section.database;
			for (const rows of found.survey.facts.expectedRows.values()) found.rows += rows;
		}
		return {
			databases: [...this.#found.values()],
			globals: this.#ends.ofCluster ? this.#globals : undefined,
		};
	}

	#databaseOf(section: Section): ScriptDatabase {
		let found = this.#found.get(section);
		if (!found) {
			const survey = new StatementSurvey(this.kept);
			const { index } = section;
			found = {
				name: undefined,
				index,
				survey,
				objects: 0,
				tables: 0,
				rows: 0,
				hasRows: false,
				locale: undefined,
				lastItem: 0,
			};
			this.#found.set(section, found);
		}
		return found;
	}

	async #add(item: ScriptItem, database: ScriptDatabase): Promise<void> {
		const { survey } = database;
		database.lastItem = this.#items;
		if (item.type === 'statement') {
			const facts = survey.add(item.text);
			if (isOwnObject(facts)) database.objects++;
			if (facts.verb === 'CREATE' && facts.kind === 'TABLE') database.tables++;
			if (facts.verb === 'CREATE' && facts.kind === 'DATABASE') database.locale = statedLocale(item.text);
			database.hasRows ||= facts.kind === 'INSERT';
		} else if (item.type === 'copy') {
			for await (const rows of item.rows) void rows;
			const table = survey.copied(item.statement);
			const lines = isTextFormat(item.statement) ? item.counts().lines : undefined;
			database.hasRows ||= item.counts().bytes > 0;
			if (table) survey.addRows(table, lines, readDataCopy(item.statement)?.columns);
		}
	}

	#addGlobal(item: ScriptItem): void {
		if (item.type !== 'statement') return;
		this.#globalsLength += item.text.length;
		if (this.#globalsLength > MAX_GLOBALS_CHARACTERS) {
			throw new BackupError('INVALID_INPUT', `The roles and globals of ${this.name} are longer than 32 MiB.`, {
				hint: 'Restore it with psql.',
			});
		}
		this.#globals.push(item.text);
	}

	#check(): void {
		if (this.#items === 0) {
			throw new BackupError('INVALID_INPUT', `${this.name} holds no SQL statements; nothing was changed.`, {
				hint: 'Choose a file made by pg_dump: plain SQL, or the custom format (-Fc).',
			});
		}
		if (this.#ends.complete) return;
		throw new BackupError(
			'ARCHIVE_INCOMPLETE',
			`${this.name} ends before pg_dump’s closing line; nothing was changed.`,
			{
				hint: 'The file was cut off while it was made or copied. Fetch it again or use another dump.',
			},
		);
	}
}

/** Not what every database has, and old versions of pg_dump write of each. */
function isOwnObject({ cluster, extension, kind, schema, verb }: StatementFacts): boolean {
	if (verb !== 'CREATE' || cluster) return false;
	return extension !== 'plpgsql' && !(kind === 'SCHEMA' && schema === 'public');
}

/** @throws BackupError INVALID_INPUT for what only psql can carry out */
function checkMeta(meta: ScriptMeta): void {
	const { command, args, line } = meta;
	if (IGNORED.has(command) || isConnect(meta)) return;
	if (command === 'set' && args[0] === 'ON_ERROR_STOP') return;
	// pg_dump writes SQL_ASCII before a `\connect` to a name that needs quotes; each dump sets its encoding after that.
	if (command === 'encoding' && /^(?:utf-?8|unicode|sql_ascii)$/i.test(args[0] ?? '')) return;
	throw new BackupError(
		'INVALID_INPUT',
		`Line ${line} holds psql’s command \\${command}, which cannot be carried out here; nothing was changed.`,
		{
			hint: 'Use a script that pg_dump has written, or take the command out.',
		},
	);
}

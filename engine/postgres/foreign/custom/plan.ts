/*
 * What a restore of an archive runs, in which order: the rules of pg_restore
 * (src/bin/pg_dump/pg_backup_archiver.c: RestoreArchive, restore_toc_entry, _doSetFixedOutputState).
 */
import { BackupError } from '../../../errors';
import { isAcl, type Selection, selectEntries, type Wanted } from './select';
import { definitionStatement, dropStatement, ownerStatement, quoteName, quoteQualified } from './statements';
import type { Toc, TocEntry } from './toc';

export interface RestoreOptions extends Selection {
	/** Drops what is going to be restored first, in the opposite order. */
	clean?: boolean;
	/** With `clean`: no error for what is not there. */
	ifExists?: boolean;
	/** Leaves everything to the restoring role. */
	noOwner?: boolean;
	/** SET ROLE first; with `noOwner`, this role owns everything. */
	role?: string;
	/** Puts everything into the database's default tablespace. */
	noTablespaces?: boolean;
}

export interface PlannedStatement {
	/** One or more statements, to be sent together. */
	sql: string;
	/** What it is for; undefined for a setting of the session. */
	entry: TocEntry | undefined;
	/**
	 * A drop with `ifExists`: an error for which `isHarmlessForDrop` holds means nothing, and does not end the restore.
	 * IF EXISTS does not cover every case, and pg_restore goes on after such errors, too.
	 */
	mayFail: boolean;
}

/**
 * Invalid schema name; undefined table, object, column, function: it is not there. Invalid table definition: a
 * partition's constraint that goes with its parent's.
 */
const HARMLESS_FOR_DROP = new Set(['3F000', '42P01', '42704', '42703', '42883', '42P16']);

/** Whether an SQLSTATE says no more than that there is nothing to be dropped here. */
export function isHarmlessForDrop(sqlState: string | undefined): boolean {
	return sqlState !== undefined && HARMLESS_FOR_DROP.has(sqlState);
}

export interface PlannedData {
	entry: TocEntry;
	/** Settings of the session that loads it, after `setup`. */
	session: string[];
}

/** Run in this order; statements of `preData` and `postData` one after the other, on one connection each. */
export interface RestorePlan {
	/** Settings for every connection that runs any of it. Its client encoding has to be UTF8. */
	setup: string[];
	/** Drops, definitions, and large objects without their contents. */
	preData: PlannedStatement[];
	/** Entries with a data block. Independent of one another: in any order, by any number of connections. */
	data: PlannedData[];
	/** Sequences' values, indexes, constraints, triggers, ...; then privileges; then materialized views' contents. */
	postData: PlannedStatement[];
	/** Schemas that the plan puts things into and does not create. */
	schemas: string[];
}

/** @throws BackupError INVALID_INPUT for options that exclude each other, and for tables the archive does not hold. */
export function planRestore(toc: Toc, options: RestoreOptions = {}): RestorePlan {
	checkOptions(toc, options);
	const wanted = selectEntries(toc, options);
	const planner = new Planner(toc, options, wanted);
	if (options.clean) planner.addDrops();
	planner.addEntries();
	return {
		setup: setupStatements(toc, options),
		preData: planner.preData.statements,
		data: planner.data,
		postData: planner.postData.statements,
		schemas: missingSchemas(wanted),
	};
}

function checkOptions(toc: Toc, options: RestoreOptions): void {
	if (options.schemaOnly && options.dataOnly) {
		throw new BackupError('INVALID_INPUT', 'Schema only and data only exclude each other.', {
			hint: 'Choose one of them.',
		});
	}
	for (const { schema, name } of options.tables ?? []) {
		const found = toc.entries.some((entry) => entry.name === name && (schema === undefined || entry.schema === schema));
		if (found) continue;
		const table = schema === undefined ? name : `${schema}.${name}`;
		throw new BackupError('INVALID_INPUT', `The archive holds no table ${table}.`, {
			hint: 'List its contents; names are written as they are stored, without quotes, and case matters.',
		});
	}
}

function setupStatements(toc: Toc, options: RestoreOptions): string[] {
	return [
		'SET statement_timeout = 0;',
		'SET lock_timeout = 0;',
		'SET idle_in_transaction_session_timeout = 0;',
		// Statements come decoded from the archive's own encoding.
		"SET client_encoding = 'UTF8';",
		`SET standard_conforming_strings = ${toc.standardStrings ? 'on' : 'off'};`,
		...(options.role === undefined ? [] : [`SET ROLE ${quoteName(options.role)};`]),
		...(toc.searchPath === null ? [] : [toc.searchPath.trim()]),
		'SET check_function_bodies = false;',
		'SET xmloption = content;',
		'SET client_min_messages = warning;',
		...(toc.standardStrings ? [] : ['SET escape_string_warning = off;']),
		'SET row_security = off;',
	];
}

function missingSchemas(wanted: Map<TocEntry, Wanted>): string[] {
	const used = new Set<string>();
	const created = new Set(['pg_catalog']);
	for (const [entry, { schema }] of wanted) {
		if (entry.type === 'SCHEMA' && schema) created.add(entry.name);
		else if (entry.schema !== null) used.add(entry.schema);
	}
	return [...used].filter((schema) => !created.has(schema));
}

/** Statements of one connection, with the settings that some of them need. */
class StatementList {
	readonly statements: PlannedStatement[] = [];
	readonly #settings = new Map<string, string>();

	constructor(
		readonly toc: Toc,
		readonly options: RestoreOptions,
	) {}

	add(entry: TocEntry, sql: string | undefined, mayFail = false): void {
		if (!sql) return;
		this.#set('search_path', searchPathFor(this.toc, entry));
		this.statements.push({ sql, entry, mayFail });
	}

	/** Selects where a table or an index is created, as pg_restore does: by defaults. */
	selectStorage(entry: TocEntry): void {
		if (!this.options.noTablespaces && entry.tablespace !== null) {
			this.#set('default_tablespace', entry.tablespace === '' ? "''" : quoteName(entry.tablespace));
		}
		if (entry.accessMethod !== null && !isPartitioned(entry)) {
			this.#set('default_table_access_method', quoteName(entry.accessMethod));
		}
	}

	#set(name: string, value: string | undefined): void {
		if (value === undefined || this.#settings.get(name) === value) return;
		this.#settings.set(name, value);
		this.statements.push({ sql: `SET ${name} = ${value};`, entry: undefined, mayFail: false });
	}
}

/** Archives without a SEARCHPATH entry hold names that are to be found in their object's schema. */
function searchPathFor(toc: Toc, entry: TocEntry): string | undefined {
	if (toc.searchPath !== null || entry.schema === null) return undefined;
	return entry.schema === 'pg_catalog' ? 'pg_catalog' : `${quoteName(entry.schema)}, pg_catalog`;
}

function isPartitioned(entry: TocEntry): boolean {
	return entry.relationKind === 'p'.charCodeAt(0);
}

class Planner {
	readonly preData: StatementList;
	readonly postData: StatementList;
	readonly data: PlannedData[] = [];
	readonly #byId: Map<number, TocEntry>;

	constructor(
		readonly toc: Toc,
		readonly options: RestoreOptions,
		readonly wanted: Map<TocEntry, Wanted>,
	) {
		this.preData = new StatementList(toc, options);
		this.postData = new StatementList(toc, options);
		this.#byId = new Map(toc.entries.map((entry) => [entry.id, entry]));
	}

	addDrops(): void {
		for (const entry of [...this.wanted.keys()].reverse()) {
			const ifExists = this.options.ifExists === true;
			this.preData.add(entry, dropStatement(entry, ifExists), ifExists);
		}
	}

	addEntries(): void {
		const lastPasses: [TocEntry[], TocEntry[]] = [[], []];
		let section = 'pre-data';
		for (const entry of this.toc.entries) {
			if (entry.section !== 'none') section = entry.section;
			const parts = this.wanted.get(entry);
			if (!parts) continue;
			const pass = passOf(entry);
			if (pass > 0) lastPasses[pass - 1]!.push(entry);
			else this.#addEntry(entry, parts, section);
		}
		for (const entry of lastPasses.flat()) this.#addDefinition(this.postData, entry);
	}

	#addEntry(entry: TocEntry, parts: Wanted, section: string): void {
		if (entry.hasData && parts.data) {
			const path = searchPathFor(this.toc, entry);
			this.data.push({ entry, session: path === undefined ? [] : [`SET search_path = ${path};`] });
		}
		if (entry.hasData && !parts.schema) return;
		// Large objects have to be there before their contents, whatever the section that creates them.
		const early = section === 'pre-data' || entry.type === 'BLOB METADATA';
		this.#addDefinition(early ? this.preData : this.postData, entry);
	}

	#addDefinition(list: StatementList, entry: TocEntry): void {
		list.selectStorage(entry);
		list.add(entry, definitionStatement(entry, this.options.noOwner === true, this.#byId));
		if (!this.options.noOwner) list.add(entry, ownerStatement(entry));
		if (isPartitioned(entry) && entry.accessMethod !== null) {
			const table = quoteQualified(entry.schema, entry.name);
			list.add(entry, `ALTER TABLE ${table} SET ACCESS METHOD ${quoteName(entry.accessMethod)};`);
		}
	}
}

/**
 * Privileges come after everything else, so that a read-only table can be loaded; what reads tables or reacts to
 * statements comes after privileges.
 */
function passOf(entry: TocEntry): 0 | 1 | 2 {
	if (isAcl(entry)) return 1;
	if (entry.type === 'EVENT TRIGGER' || entry.type === 'MATERIALIZED VIEW DATA') return 2;
	return entry.type === 'COMMENT' && entry.name.startsWith('EVENT TRIGGER ') ? 2 : 0;
}

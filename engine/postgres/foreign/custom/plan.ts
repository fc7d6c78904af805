/*
 * What a restore of an archive runs, in which order: the rules of pg_restore
 * (src/bin/pg_dump/pg_backup_archiver.c: RestoreArchive, restore_toc_entry, _doSetFixedOutputState).
 */
import { quoteIdentifier, quoteQualified } from '../../quoting';
import { isAcl, type Parts, partsOf } from './select';
import { definitionStatement, ownerStatement } from './statements';
import type { Toc, TocEntry } from './toc';

export interface PlannedStatement {
	/** One or more statements, to be sent together. */
	sql: string;
	/** What it is for; undefined for a setting of the session. */
	entry: TocEntry | undefined;
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
	/** Definitions, and large objects without their contents. */
	preData: PlannedStatement[];
	/** Entries with a data block. Independent of one another: in any order, by any number of connections. */
	data: PlannedData[];
	/** Sequences' values, indexes, constraints, triggers, ...; then privileges; then materialized views' contents. */
	postData: PlannedStatement[];
}

/** Plans the restore of everything. */
export function planRestore(toc: Toc): RestorePlan {
	const planner = new Planner(toc);
	planner.addEntries();
	return {
		setup: setupStatements(toc),
		preData: planner.preData.statements,
		data: planner.data,
		postData: planner.postData.statements,
	};
}

function setupStatements(toc: Toc): string[] {
	return [
		'SET statement_timeout = 0;',
		'SET lock_timeout = 0;',
		'SET idle_in_transaction_session_timeout = 0;',
		// Statements come decoded from the archive's own encoding.
		"SET client_encoding = 'UTF8';",
		`SET standard_conforming_strings = ${toc.standardStrings ? 'on' : 'off'};`,
		...(toc.searchPath === null ? [] : [toc.searchPath.trim()]),
		'SET check_function_bodies = false;',
		'SET xmloption = content;',
		'SET client_min_messages = warning;',
		...(toc.standardStrings ? [] : ['SET escape_string_warning = off;']),
		'SET row_security = off;',
	];
}

/** Statements of one connection, with the settings that some of them need. */
class StatementList {
	readonly statements: PlannedStatement[] = [];
	readonly #settings = new Map<string, string>();

	constructor(readonly toc: Toc) {}

	add(entry: TocEntry, sql: string | undefined): void {
		if (!sql) return;
		this.#set('search_path', searchPathFor(this.toc, entry));
		this.statements.push({ sql, entry });
	}

	/** Selects where a table or an index is created, as pg_restore does: by defaults. */
	selectStorage(entry: TocEntry): void {
		if (entry.tablespace !== null) {
			this.#set('default_tablespace', entry.tablespace === '' ? "''" : quoteIdentifier(entry.tablespace));
		}
		if (entry.accessMethod !== null && !isPartitioned(entry)) {
			this.#set('default_table_access_method', quoteIdentifier(entry.accessMethod));
		}
	}

	#set(name: string, value: string | undefined): void {
		if (value === undefined || this.#settings.get(name) === value) return;
		this.#settings.set(name, value);
		this.statements.push({ sql: `SET ${name} = ${value};`, entry: undefined });
	}
}

/** Archives without a SEARCHPATH entry hold names that are to be found in their object's schema. */
function searchPathFor(toc: Toc, entry: TocEntry): string | undefined {
	if (toc.searchPath !== null || entry.schema === null) return undefined;
	return entry.schema === 'pg_catalog' ? 'pg_catalog' : `${quoteIdentifier(entry.schema)}, pg_catalog`;
}

function isPartitioned(entry: TocEntry): boolean {
	return entry.relationKind === 'p'.charCodeAt(0);
}

class Planner {
	readonly preData: StatementList;
	readonly postData: StatementList;
	readonly data: PlannedData[] = [];
	readonly #byId: Map<number, TocEntry>;

	constructor(readonly toc: Toc) {
		this.preData = new StatementList(toc);
		this.postData = new StatementList(toc);
		this.#byId = new Map(toc.entries.map((entry) => [entry.id, entry]));
	}

	addEntries(): void {
		const lastPasses: [TocEntry[], TocEntry[]] = [[], []];
		let section = 'pre-data';
		for (const entry of this.toc.entries) {
			if (entry.section !== 'none') section = entry.section;
			const parts = partsOf(entry);
			if (!parts.definition && !parts.data) continue;
			const pass = passOf(entry);
			if (pass > 0) lastPasses[pass - 1]!.push(entry);
			else this.#addEntry(entry, parts, section);
		}
		for (const entry of lastPasses.flat()) this.#addDefinition(this.postData, entry);
	}

	#addEntry(entry: TocEntry, parts: Parts, section: string): void {
		if (parts.data) {
			const path = searchPathFor(this.toc, entry);
			this.data.push({ entry, session: path === undefined ? [] : [`SET search_path = ${path};`] });
		}
		if (!parts.definition) return;
		// Large objects have to be there before their contents, whatever the section that creates them.
		const early = section === 'pre-data' || entry.type === 'BLOB METADATA';
		this.#addDefinition(early ? this.preData : this.postData, entry);
	}

	#addDefinition(list: StatementList, entry: TocEntry): void {
		list.selectStorage(entry);
		list.add(entry, definitionStatement(entry, this.#byId));
		list.add(entry, ownerStatement(entry));
		if (isPartitioned(entry) && entry.accessMethod !== null) {
			const table = quoteQualified(entry.schema, entry.name);
			list.add(entry, `ALTER TABLE ${table} SET ACCESS METHOD ${quoteIdentifier(entry.accessMethod)};`);
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

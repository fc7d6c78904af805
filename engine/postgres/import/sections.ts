import { BackupError } from '../../errors';
import type { ScriptItem, ScriptMeta } from '../script';
import { describeStatement } from '../statements/statement';

/** More than any server holds; what a script claims must not cost memory without a limit. */
const MAX_DATABASES = 10_000;

/** A part of a script: what belongs to the server, or to one database. */
export interface Section {
	/** Its place among the sections, from 0. */
	readonly index: number;
	/** Undefined for what belongs to no database, or to one whose name the script does not tell. */
	database: string | undefined;
}

/**
 * Tells to which database the items of a script belong, taken in their order. pg_dumpall writes roles and other globals
 * first, and then one dump after the other, each behind a `\connect`; `pg_dump --create` does so for one database. What
 * stands before the first `\connect` or CREATE DATABASE are the globals in a script of pg_dumpall, elsewhere the opening of
 * the first dump.
 */
export class ScriptSections {
	/** In the order in which they begin; the first one is there from the start. */
	readonly all: Section[] = [{ index: 0, database: undefined }];
	readonly #byName = new Map<string, Section>();
	#current: Section | undefined = this.all[0];

	/**
	 * The section of the item; undefined between the globals and the first database, where only settings stand that each
	 * dump makes anew.
	 * @param ofCluster whether pg_dumpall made the script
	 * @param ofDatabase whether the head of a database's dump has come
	 * @throws BackupError INVALID_INPUT for more databases than a server can hold
	 */
	sectionOf(
		item: ScriptItem,
		{ ofCluster, ofDatabase }: { ofCluster: boolean; ofDatabase: boolean },
	): Section | undefined {
		if (ofCluster && ofDatabase && this.#current === this.all[0]) this.#current = undefined;
		const database = databaseOf(item);
		if (database !== undefined) this.#current = this.#enter(database, ofCluster);
		return this.#current;
	}

	#enter(database: string, ofCluster: boolean): Section {
		const known = this.#byName.get(database);
		if (known) return known;
		const [first] = this.all as [Section];
		const section = !ofCluster && this.#byName.size === 0 ? first : { index: this.all.length, database };
		section.database = database;
		if (section !== first) this.all.push(section);
		if (this.all.length > MAX_DATABASES) {
			throw new BackupError('INVALID_INPUT', `The script connects to more than ${MAX_DATABASES} databases.`, {
				hint: 'It was not made by pg_dumpall.',
			});
		}
		this.#byName.set(database, section);
		return section;
	}
}

/** The database that an item turns to. */
function databaseOf(item: ScriptItem): string | undefined {
	if (item.type === 'meta') return isConnect(item) ? connectedTo(item) : undefined;
	if (item.type === 'copy' || !/^create\s+database\b/i.test(item.text)) return undefined;
	return describeStatement(item.text).name;
}

export function isConnect({ command }: ScriptMeta): boolean {
	return command === 'connect' || command === 'c';
}

/** `\connect shop`, or for a name that psql would take for something else `\connect -reuse-previous=on "dbname='my shop'"`. */
function connectedTo({ args }: ScriptMeta): string | undefined {
	const name = args.find((arg) => !arg.startsWith('-reuse-previous'));
	// The same one, as another role.
	if (name === '-') return undefined;
	const stated = /^dbname='((?:[^'\\]|\\.)*)'$/s.exec(name ?? '')?.[1];
	return stated === undefined ? name : stated.replace(/\\(.)/gs, '$1');
}

/**
 * How a globals script is applied: the names of all roles and tablespaces of the server are read once; then the script is read
 * statement by statement (read.ts), each is recognised by its first words (statement.ts), and run or left out by what the
 * server had before and what has failed so far. So a script of any length is held one statement at a time, and what remains
 * in memory is the names.
 */
import type { ClientBase } from 'pg';

import { BackupError, messageOf, throwIfCancelled } from '../../errors';
import { quoteIdentifier } from '../quoting';
import { runOne } from '../runOne';
import { globalStatements, type ReadGlobal } from './read';
import type { GlobalStatement } from './statement';

export interface ApplyGlobalsOptions {
	/**
	 * What to do with roles and tablespaces that the server has already. `update`: give them the script's attributes,
	 * passwords, settings, memberships and privileges; what the script does not mention stays as it is.
	 * `skip`: leave them exactly as they are; a membership is left out where its member existed before.
	 */
	existing: 'update' | 'skip';
	signal?: AbortSignal;
}

export interface ApplyGlobalsReport {
	/** Objects as messages name them: `role "app"`, `tablespace "fast"`. */
	created: string[];
	updated: string[];
	/** Existing objects that were left as they are: all of them with `skip`, else only the role that is connected. */
	skipped: string[];
	/** What the server rejected, and why. Passwords are never quoted. */
	failed: Array<{ object: string; message: string }>;
	warnings: string[];
}

/** SQLSTATE insufficient_privilege. */
const INSUFFICIENT_PRIVILEGE = '42501';

/** One run: what the server has, and what was done. Statements run one by one, outside a transaction. */
class Application {
	readonly #created = new Set<string>();
	readonly #updated = new Set<string>();
	readonly #skipped = new Set<string>();
	readonly #failedCreations = new Set<string>();
	readonly #warnings = new Set<string>();
	readonly #failed: ApplyGlobalsReport['failed'] = [];
	/** Set while a SET SESSION AUTHORIZATION failed: what follows up to its RESET must not run as somebody else. */
	#wrongSession = false;
	#foreignSession = false;
	/** What the session's strings are set to; undefined before anything has set it. */
	#standardStrings: boolean | undefined;

	constructor(
		private readonly client: ClientBase,
		private readonly existing: 'update' | 'skip',
		private readonly before: ReadonlySet<string>,
		private readonly connected: ReadonlySet<string>,
	) {}

	report(): ApplyGlobalsReport {
		return {
			created: [...this.#created],
			updated: [...this.#updated],
			skipped: [...this.#skipped].filter((object) => !this.#updated.has(object)),
			failed: this.#failed,
			warnings: [...this.#warnings],
		};
	}

	async run(statement: ReadGlobal): Promise<void> {
		await this.#readStringsAs(statement);
		switch (statement.type) {
			case 'create':
				return await this.#create(statement);
			case 'change':
				return await this.#change(statement);
			case 'membership':
				return await this.#grant(statement);
			case 'parameter':
				if (!this.#wrongSession) await this.#execute('privileges on parameters', statement.sql);
				return;
			case 'session':
				return await this.#session(statement.sql);
			case 'unknown':
				this.#warnings.add(
					`A statement that is not about roles or tablespaces was left out: ${opening(statement.sql)}`,
				);
				return;
			case 'ignored':
				return;
		}
	}

	async #create({ kind, name, sql }: Extract<GlobalStatement, { type: 'create' }>): Promise<void> {
		const object = named(kind, name);
		if (this.before.has(object)) {
			if (this.existing === 'skip' || (kind === 'role' && this.connected.has(name))) this.#skipped.add(object);
			return;
		}
		if (await this.#execute(object, sql)) this.#created.add(object);
		else this.#failedCreations.add(object);
	}

	async #change(statement: Extract<GlobalStatement, { type: 'change' }>): Promise<void> {
		const { kind, name, what, sql } = statement;
		const object = named(kind, name);
		if (this.#wrongSession || this.#failedCreations.has(object)) return;
		if (this.before.has(object) && this.existing === 'skip') {
			this.#skipped.add(object);
			return;
		}
		if (kind === 'role' && this.connected.has(name) && (what === 'attributes' || what === 'settings')) {
			this.#skipped.add(object);
			this.#warnings.add(
				`The ${what} of ${object} were left as they are: the restore is connected as this role, ` +
					'and a wrong password or attribute would lock it out.',
			);
			return;
		}
		const done =
			what === 'attributes' ? await this.#alter(object, sql) : await this.#execute(`${what} of ${object}`, sql);
		if (done && !this.#created.has(object)) this.#updated.add(object);
	}

	/**
	 * Only superusers may name superuser attributes, even to say NO to them: a managed server's administrator has to
	 * leave them unsaid, which is the same for a new role.
	 */
	async #alter(object: string, sql: string): Promise<boolean> {
		const error = await this.#attempt(sql);
		if (error === undefined) return true;
		const unsaid = withoutDenials(sql);
		if ((error as { code?: string }).code === INSUFFICIENT_PRIVILEGE && unsaid !== sql) {
			return await this.#execute(`attributes of ${object}`, unsaid);
		}
		this.#fail(`attributes of ${object}`, error, sql);
		return false;
	}

	async #grant(statement: Extract<GlobalStatement, { type: 'membership' }>): Promise<void> {
		const member = named('role', statement.member);
		if (this.#failedCreations.has(member) || this.#failedCreations.has(named('role', statement.role))) return;
		if (this.before.has(member) && this.existing === 'skip') return;
		const object = `membership of ${member} in ${quoteIdentifier(statement.role)}`;
		if (statement.grantor === undefined) {
			await this.#execute(object, statement.sql);
			return;
		}
		// The grantor may be unable to grant here: the bootstrap superuser of the source, for one, may be plain here.
		const error = await this.#attempt(statement.sql);
		if (error === undefined) return;
		const anonymous = statement.sql.replace(/\s+GRANTED\s+BY\s+(?:"(?:[^"]|"")+"|[^\s";]+)\s*;?\s*$/i, ';');
		if (!(await this.#execute(object, anonymous))) return;
		this.#warnings.add(
			`The ${object} was granted by another role than before, ${quoteIdentifier(statement.grantor)}: ${messageOf(error)}.`,
		);
	}

	async #session(sql: string): Promise<void> {
		const done = await this.#execute('privileges given on by other roles', sql);
		this.#wrongSession = !done;
		this.#foreignSession = done && !/^RESET/i.test(sql);
	}

	/** Where a string ends, the server has to see as the reader of the script has. */
	async #readStringsAs({ standardStrings }: ReadGlobal): Promise<void> {
		if (standardStrings === this.#standardStrings) return;
		this.#standardStrings = standardStrings;
		const error = await this.#attempt(`SET standard_conforming_strings = ${standardStrings ? 'on' : 'off'}`);
		if (error === undefined) return;
		throw new BackupError('TARGET_FAILED', `The server reads strings otherwise than the script: ${messageOf(error)}.`, {
			hint: 'Restore the roles into a server of the version that they came from.',
		});
	}

	/** Gives the caller its own session back where the script was cut short inside another role's. */
	async leave(): Promise<void> {
		if (this.#standardStrings !== undefined)
			await this.client.query('RESET standard_conforming_strings').catch(() => undefined);
		if (this.#foreignSession) await this.client.query('RESET SESSION AUTHORIZATION').catch(() => undefined);
	}

	async #execute(object: string, sql: string): Promise<boolean> {
		const error = await this.#attempt(sql);
		if (error === undefined) return true;
		this.#fail(object, error, sql);
		return false;
	}

	#fail(object: string, error: unknown, sql: string): void {
		this.#failed.push({ object, message: describe(error, sql) });
	}

	/** The server's error, if any; throws when the connection is gone. */
	async #attempt(sql: string): Promise<unknown> {
		try {
			await runOne(this.client, sql);
			return undefined;
		} catch (error) {
			if (isServerError(error)) return error;
			throw new BackupError(
				'TARGET_UNREACHABLE',
				`The connection was lost while roles and tablespaces were restored: ${describe(error, sql)}.`,
				{ hint: 'Restore again; what has been restored already is found and updated.' },
			);
		}
	}
}

/**
 * Runs a globals script (ours, or that of `pg_dumpall --globals-only`) on a server that may have some of the roles
 * and tablespaces. The role that is connected keeps its attributes, password and settings, whatever the script says, so
 * that a restore cannot lock itself out. Only statements that such scripts hold are run, each by itself; nothing is ever
 * dropped, and nothing that concerns all roles at once is changed.
 *
 * A statement that the server rejects does not end the run: the report says so. A failure to create an object leaves out
 * what follows for that object.
 *
 * @param client connected with the right to create roles, and in no transaction
 * @param script its text, or its bytes as they come, once they are known to be whole
 * @throws BackupError TARGET_UNREACHABLE, TARGET_FAILED (the catalogs cannot be read), CANCELLED, as lexScript does
 */
export async function applyGlobals(
	client: ClientBase,
	script: string | AsyncIterable<Uint8Array>,
	options: ApplyGlobalsOptions,
): Promise<ApplyGlobalsReport> {
	throwIfCancelled(options.signal);
	const { objects, connected } = await readTarget(client);
	const application = new Application(client, options.existing, objects, connected);
	try {
		for await (const statement of globalStatements(script, options.signal)) {
			throwIfCancelled(options.signal);
			await application.run(statement);
		}
	} finally {
		await application.leave();
	}
	return application.report();
}

async function readTarget(client: ClientBase): Promise<{ objects: Set<string>; connected: Set<string> }> {
	try {
		const { rows } = await client.query<{ kind: 'role' | 'tablespace'; name: string }>(
			`SELECT 'role' AS kind, rolname::text AS name FROM pg_catalog.pg_roles
			UNION ALL SELECT 'tablespace', spcname::text FROM pg_catalog.pg_tablespace`,
		);
		const { rows: users } = await client.query<{ name: string }>(
			'SELECT session_user::text AS name UNION SELECT current_user::text',
		);
		return {
			objects: new Set(rows.map(({ kind, name }) => named(kind, name))),
			connected: new Set(users.map(({ name }) => name)),
		};
	} catch (cause) {
		throw new BackupError('TARGET_FAILED', `The target server's roles could not be read: ${messageOf(cause)}.`, {
			cause,
			hint: 'Check that the connection holds and that the user may read the system catalogs.',
		});
	}
}

function named(kind: 'role' | 'tablespace', name: string): string {
	return `${kind} ${quoteIdentifier(name)}`;
}

function isServerError(error: unknown): boolean {
	const { code, severity } = error as { code?: unknown; severity?: unknown };
	// Class 57 with severity FATAL: the server ended the session.
	return typeof code === 'string' && typeof severity === 'string' && severity !== 'FATAL' && severity !== 'PANIC';
}

/** The server may quote a statement in its message, so where there is a password only the code is reported. */
function describe(error: unknown, sql: string): string {
	if (!/\bPASSWORD\b/i.test(sql)) return messageOf(error);
	const { code } = error as { code?: unknown };
	return `the server rejected the statement${typeof code === 'string' ? ` (SQLSTATE ${code})` : ''}`;
}

/** ALTER ROLE without NOSUPERUSER, NOREPLICATION and NOBYPASSRLS; quoted names and strings are left alone. */
function withoutDenials(sql: string): string {
	const quotedOrDenial = /"(?:[^"]|"")*"|'(?:[^']|'')*'|\s+NO(?:SUPERUSER|REPLICATION|BYPASSRLS)\b/gi;
	return sql.replace(quotedOrDenial, (text) => (/^["']/.test(text) ? text : ''));
}

/** The first words of a statement, up to anything that is quoted. */
function opening(sql: string): string {
	return `${(/^[A-Za-z_\s]*/.exec(sql)?.[0] ?? '').trim().replace(/\s+/g, ' ').slice(0, 60)} ...`;
}

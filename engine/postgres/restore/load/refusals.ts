import { BackupError } from '../../../errors';
import { translateError } from '../../connection';
import type { StatementFacts } from '../../statements/facts';

import { adviceFor, EXISTS } from './hints';

/** SQLSTATE of anything thrown, or an empty string. */
export function sqlState(error: unknown): string {
	return (error as { code?: string }).code ?? '';
}

/** True where the server says that the object is there already. */
export function existsAlready(error: unknown): boolean {
	return EXISTS.has(sqlState(error));
}

/**
 * The error that ends a restore: what could not be restored, why, and what to do.
 * @param isWhole whether all of the dump is restored
 */
export function refused(error: unknown, object: string, isWhole = false): BackupError {
	const failure = translateError(error, 'target', `Could not restore ${object}`);
	const advice = error instanceof BackupError ? undefined : adviceFor(error, isWhole);
	if (!advice) return failure;
	const { code, message, details, cause, hint } = failure;
	return new BackupError(code, message, {
		hint: advice.ofSource ? advice.hint : (hint ?? advice.hint),
		details: advice.ofSource ? { ...details, ofSource: true } : details,
		cause,
	});
}

const SETTING = /^SET\s+(?:SESSION\s+|LOCAL\s+)?([a-z_][\w.]*)\s*(?:=|\sTO\s)\s*(\S[^]*)$/i;

/** SQLSTATE of settings that the server's version does not know: undefined_object, invalid_name for those with a prefix. */
const UNKNOWN_SETTING = new Set(['42704', '42602']);
const INVALID_VALUE = '22023';

/** Settings that say where and how tables are stored, which a server may do without. */
const STORAGE_SETTINGS: Record<string, (value: string) => string> = {
	default_tablespace: (value) =>
		`The server has no tablespace ${value}: what the dump puts there went to the default one. To keep it apart, create the tablespace first (a Globals backup holds it).`,
	default_table_access_method: (value) =>
		`The server has no table access method ${value}: the tables that use it were made with the default one. To keep it, install the extension that brings it first.`,
	default_toast_compression: (value) =>
		`The server was built without the compression method ${value}: its default one is used instead.`,
};

const COLUMN_COMPRESSION = /^ALTER\s+(?:FOREIGN\s+)?TABLE\s[^]*\sSET\s+COMPRESSION\s+(\w+)\s*$/i;
const NOT_SUPPORTED = '0A000';

const ACCESS_METHOD = /^ALTER\s+TABLE\s[^]*\sSET\s+ACCESS\s+METHOD\s+("(?:[^"]|"")*"|\w+)\s*$/i;
/** SQLSTATEs: undefined_object; syntax_error and wrong_object_type, of versions in which tables or partitioned ones have none. */
const NO_ACCESS_METHOD = new Set(['42704', '42601', '42809', NOT_SUPPORTED]);

/** What to do without a setting that the target does not take. */
export interface Substitute {
	warning: string;
	/** To be run instead, so that the value of an earlier statement does not go on. */
	instead?: string;
}

/** Statements that merely say how, not what to store, and that substituteFor may have an answer to. */
export function isDispensable(statement: string): boolean {
	return [SETTING, COLUMN_COMPRESSION, ACCESS_METHOD].some((pattern) => pattern.test(statement));
}

/**
 * What to do where the server does not know what a dispensable statement asks for. Newer versions of pg_dump set what
 * older servers lack (transaction_timeout), and servers differ in tablespaces and in what they were built with; psql goes
 * on in all these cases. Undefined where the failure is a failure.
 */
export function substituteFor(statement: string, facts: StatementFacts, error: unknown): Substitute | undefined {
	const code = sqlState(error);
	const [, name = '', value = ''] = SETTING.exec(statement) ?? [];
	if (name && UNKNOWN_SETTING.has(code)) {
		return {
			warning: `The server does not know the setting ${name}, which the dump sets to ${value}; it was left out.`,
		};
	}
	const storage = STORAGE_SETTINGS[name.toLowerCase()];
	if (storage && code === INVALID_VALUE) return { warning: storage(value), instead: `RESET ${name}` };
	const compression = COLUMN_COMPRESSION.exec(statement)?.[1];
	if (compression && code === NOT_SUPPORTED) {
		return {
			warning: `The server was built without the compression method ${compression}: a column of ${tableName(facts)} keeps the default one.`,
		};
	}
	const accessMethod = ACCESS_METHOD.exec(statement)?.[1];
	if (accessMethod && NO_ACCESS_METHOD.has(code)) {
		return {
			warning: `The server cannot give ${tableName(facts)} the table access method ${accessMethod}: it keeps the default one.`,
		};
	}
	return undefined;
}

function tableName({ table = '' }: StatementFacts): string {
	return table.replace('\0', '.');
}

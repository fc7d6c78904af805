/** SQLSTATEs of what is not there: a table, a function, an object of another sort, a schema. */
const NO_SCHEMA = '3F000';
const ABSENT = new Set(['42P01', '42883', '42704', NO_SCHEMA]);

/** SQLSTATE: duplicate schema, object, table, function. */
export const EXISTS = new Set(['42P06', '42710', '42P07', '42723']);

const OCCUPIED =
	'The database holds such an object already. Restore into a new database or with Safe Swap, drop the tables first, or choose Data Only.';
const NOT_THERE =
	'What the dump refers to is not there: restore all of it, choose what it refers to as well, or create it first.';
const LOCALE =
	'The server lacks this locale or collation, or was built without its provider (ICU). Install the locale on its host (in Debian: locales-all) and run pg_import_system_collations in the database, or restore on a server like the source.';
const IN_ONE_PIECE =
	'A row is longer than the server takes in one piece: 1 GB as text, in which bytea takes two characters for each byte. Leave the rows of that table out of the backup (Exclude Data of Tables) and bring it over in another way (COPY with FORMAT binary).';
const READ_ONLY =
	'This session may only read: default_transaction_read_only is on for the user or the database, or the server is a standby. Use a credential that may write, on the primary server.';

const BY_CODE: Record<string, string> = {
	...Object.fromEntries([...EXISTS].map((code) => [code, OCCUPIED])),
	...Object.fromEntries([...ABSENT].map((code) => [code, NOT_THERE])),
	'23505':
		'The table holds rows with the same key already. Empty the tables first (Truncate), or restore into a new database.',
	'25006': READ_ONLY,
	'40001': 'Other sessions worked on the same rows: run it again at a quieter time.',
};

const ORPHANS_OF_PART =
	'The rows refer to rows that are not there. Restore the other table as well, or the whole database.';
const ORPHANS =
	'The source itself holds rows that refer to none: its foreign key was not in force when they came in. Find them there, mend or delete them and back up again; or set On Error to Collect, which restores all but this key.';
const CHECKED_PART =
	'The rows do not pass a check of their table. It may look at other tables: choose these as well. Or it was made or changed after the rows.';
const CHECKED =
	'The rows do not pass a check of their table, though all others are there: it was made or changed after them (NOT VALID, another function since), or looks at what is no part of a backup, such as settings. Find them in the source, mend the check or the rows and back up again; or set On Error to Collect, which restores the other tables.';

/** The fields of a server's error that are used here. The names of its routines are the same in every language. */
interface Refusal {
	code?: string;
	message?: string;
	hint?: string;
	routine?: string;
	where?: string;
}

/** What to do, and whether it is to be done in the source: wherever the backup is restored, it will be refused like this. */
export interface Advice {
	hint: string;
	ofSource: boolean;
}

/** The function that a statement or a row was in when it was refused: its name, as far as the server tells it. */
function functionOf({ where = '' }: Refusal): string | undefined {
	// COPY names its line; whatever it called stands before that.
	if (where === '' || where.startsWith('COPY ')) return undefined;
	const [, quoted, called] = /^[^\n]*?(?:["«»„“]([^"«»”“\n]+)["«»”“]|([\w$.]+)\()/.exec(where) ?? [];
	return quoted ?? called ?? '';
}

/** True for a name without its schema: `relation "t" does not exist`, `function f(integer) does not exist`, an operator. */
function namesNoSchema(message: string): boolean {
	const name = /["«»„“]([^"«»”“]+)["«»”“]/.exec(message)?.[1] ?? /(\S+)\(/.exec(message)?.[1];
	return name?.includes('.') !== true;
}

function ofSearchPath(name: string): string {
	return `${name === '' ? 'A function' : `The function ${name}`} looks for this without naming its schema, and dumps are restored with an empty search path, so that it is not found though it may be there. In the source, give the function a path of its own (ALTER FUNCTION ... SET search_path = public), or write the schema into its body, and back up again.`;
}

/** True where a function that was called on the way met the error, be it in a row of a COPY. */
export function isOfFunction(error: unknown): boolean {
	return functionOf(error as Refusal) !== undefined;
}

/** True where a function looked for something by the search path, which is empty, and did not find it. */
export function missesSearchPath(error: unknown): boolean {
	const { code = '', message = '' } = error as Refusal;
	return ABSENT.has(code) && code !== NO_SCHEMA && functionOf(error as Refusal) !== undefined && namesNoSchema(message);
}

/**
 * What to do where a target refuses a part of a dump; undefined where there is nothing to say beyond its own words.
 * @param isWhole whether all of the dump is restored
 */
export function adviceFor(error: unknown, isWhole: boolean): Advice | undefined {
	const { code = '', message = '', hint = '', routine = '' } = error as Refusal;
	const byFunction = functionOf(error as Refusal);
	if (byFunction !== undefined && missesSearchPath(error)) return { hint: ofSearchPath(byFunction), ofSource: true };
	if (code === '23503') return { hint: isWhole ? ORPHANS : ORPHANS_OF_PART, ofSource: isWhole };
	if (code === '23514') return { hint: isWhole ? CHECKED : CHECKED_PART, ofSource: isWhole };
	const here = (text: string): Advice => ({ hint: text, ofSource: false });
	if (/locale|collation|collator/i.test(routine)) return here(LOCALE);
	if (routine === 'enlargeStringInfo' || /invalid memory alloc request size/.test(message)) return here(IN_ONE_PIECE);
	if (hint.includes('max_locks_per_transaction'))
		return here(
			'So many objects at once take more locks than the server has room for: raise max_locks_per_transaction, which needs a restart.',
		);
	const known = BY_CODE[code];
	return known === undefined ? undefined : here(known);
}

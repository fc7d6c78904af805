/** What a statement of a globals script does, so far as applying it to a server that has roles already needs to know. */
export type GlobalStatement =
	| { type: 'create'; kind: ObjectKind; name: string; sql: string }
	/** Changes an object, without creating it: attributes, settings, comment, label, privileges on a tablespace. */
	| { type: 'change'; kind: ObjectKind; name: string; what: string; sql: string }
	| { type: 'membership'; role: string; member: string; grantor: string | undefined; sql: string }
	| { type: 'parameter'; sql: string }
	| { type: 'session'; sql: string }
	/** Settings of the script's own session that do not matter here. */
	| { type: 'ignored'; sql: string }
	| { type: 'unknown'; sql: string };

export type ObjectKind = 'role' | 'tablespace';

const NAME = String.raw`("(?:[^"]|"")+"|[^\s";]+)`;
const pattern = (text: string) => new RegExp(`^${text.replaceAll('NAME', NAME).replaceAll(' ', '\\s+')}`, 'i');

const CREATE = pattern(String.raw`CREATE (ROLE|TABLESPACE) NAME`);
const ALTER = pattern(String.raw`ALTER (ROLE|TABLESPACE) NAME (WITH|SET|OWNER)\b`);
const COMMENT = pattern(String.raw`COMMENT ON (ROLE|TABLESPACE) NAME IS\b`);
const LABEL = pattern(String.raw`SECURITY LABEL FOR NAME ON (ROLE|TABLESPACE) NAME IS\b`);
const TABLESPACE_PRIVILEGE = pattern(String.raw`(?:GRANT|REVOKE) (?:ALL|CREATE) ON TABLESPACE NAME (?:TO|FROM)\b`);
const PARAMETER_PRIVILEGE = pattern(String.raw`(?:GRANT|REVOKE) [A-Z, ]+ ON PARAMETER NAME (?:TO|FROM)\b`);
const MEMBERSHIP = pattern(String.raw`GRANT NAME TO NAME(?: WITH [^"']*?)?(?: GRANTED BY NAME)?\s*;?\s*$`);
const SESSION = pattern(String.raw`(?:SET SESSION AUTHORIZATION NAME|RESET SESSION AUTHORIZATION)\s*;?\s*$`);
const IGNORED =
	/^SET\s+(?:default_transaction_read_only|client_encoding|standard_conforming_strings|escape_string_warning)\b/i;

/** Recognises what pg_dumpall writes for globals; everything else is `unknown` and is not to be run. */
export function readStatement(sql: string): GlobalStatement {
	let match: RegExpExecArray | null;
	if ((match = CREATE.exec(sql))) return { type: 'create', kind: kind(match[1]), name: unquoted(match[2]), sql };
	if ((match = ALTER.exec(sql))) {
		const what = match[3]?.toUpperCase() === 'WITH' ? 'attributes' : 'settings';
		return { type: 'change', kind: kind(match[1]), name: unquoted(match[2]), what, sql };
	}
	if ((match = COMMENT.exec(sql))) {
		return { type: 'change', kind: kind(match[1]), name: unquoted(match[2]), what: 'comment', sql };
	}
	if ((match = LABEL.exec(sql))) {
		return { type: 'change', kind: kind(match[2]), name: unquoted(match[3]), what: 'security label', sql };
	}
	if ((match = TABLESPACE_PRIVILEGE.exec(sql))) {
		return { type: 'change', kind: 'tablespace', name: unquoted(match[1]), what: 'privileges', sql };
	}
	if (PARAMETER_PRIVILEGE.test(sql)) return { type: 'parameter', sql };
	if (SESSION.test(sql)) return { type: 'session', sql };
	if (IGNORED.test(sql)) return { type: 'ignored', sql };
	if ((match = MEMBERSHIP.exec(sql))) {
		const grantor = match[3] === undefined ? undefined : unquoted(match[3]);
		return { type: 'membership', role: unquoted(match[1]), member: unquoted(match[2]), grantor, sql };
	}
	return { type: 'unknown', sql };
}

function kind(word: string | undefined): ObjectKind {
	return word?.toUpperCase() === 'ROLE' ? 'role' : 'tablespace';
}

function unquoted(name: string | undefined): string {
	if (name === undefined) return '';
	return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase();
}

/**
 * Splits a globals script into statements without their comments and psql commands (`\restrict`). Such scripts hold
 * strings and quoted names, but no function bodies, so dollar quotes cannot occur.
 */
export function splitGlobals(script: string): string[] {
	const token = /--[^\n]*|[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|;|\\[^\n]*|[^-'"\\;eE]+|./gs;
	const statements: string[] = [];
	let statement = '';
	for (const [text] of script.matchAll(token)) {
		if (text.startsWith('--')) continue;
		if (text.startsWith('\\') && statement.trim() === '') continue;
		statement += text;
		if (text !== ';') continue;
		if (statement.trim() !== ';') statements.push(statement.trim());
		statement = '';
	}
	if (statement.trim() !== '') statements.push(statement.trim());
	return statements;
}

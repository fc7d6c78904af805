import { parseName, type Token, tokenize, wordsAt } from '../statements/tokens';

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

/** Bytes of the longest name: the server cuts the rest off, and would take one name for another. */
const LONGEST_NAME = 63;

/** Where they are not quoted, they stand for a role that the session decides, for all of them, or for none. */
const NO_NAMES = new Set(['ALL', 'CURRENT_ROLE', 'CURRENT_USER', 'DEFAULT', 'NONE', 'PUBLIC', 'SESSION_USER', 'USER']);

/** Options of CREATE ROLE that change the memberships of roles that exist. pg_dumpall writes memberships by themselves. */
const OF_OTHER_ROLES = new Set(['ADMIN', 'GROUP', 'IN', 'ROLE', 'USER']);

const IGNORED = new Set([
	'CLIENT_ENCODING',
	'DEFAULT_TRANSACTION_READ_ONLY',
	'ESCAPE_STRING_WARNING',
	'STANDARD_CONFORMING_STRINGS',
]);

/**
 * Recognises what pg_dumpall writes for globals; everything else is `unknown` and is not to be run. A name is only
 * recognised where the server takes it for the same: quoted, or in ASCII, and not too long.
 * @param sql one statement, with or without its semicolon
 * @param standardStrings see skipAt
 */
export function readStatement(sql: string, standardStrings = true): GlobalStatement {
	const all = tokenize(sql, { standardStrings });
	const tokens = all.slice(0, all.findLastIndex((token) => !isMark(token, ';')) + 1);
	// Several statements in one text are none that this reader knows.
	if (tokens.some((token) => isMark(token, ';'))) return { type: 'unknown', sql };
	return new GlobalReader(tokens, sql).read() ?? { type: 'unknown', sql };
}

const isMark = (token: Token | undefined, text: string): boolean => token?.kind === 'mark' && token.text === text;

class GlobalReader {
	constructor(
		private readonly tokens: readonly Token[],
		private readonly sql: string,
	) {}

	read(): GlobalStatement | undefined {
		switch (this.tokens[0]?.kind === 'word' ? this.tokens[0].text : '') {
			case 'CREATE':
				return this.#create();
			case 'ALTER':
				return this.#alter();
			case 'COMMENT':
				return this.#is('ON') ? this.#described(2, 'comment') : undefined;
			case 'SECURITY': {
				const isLabel = this.#is('LABEL', 'FOR') && this.#name(3) !== undefined && this.#is(4, 'ON');
				return isLabel ? this.#described(5, 'security label') : undefined;
			}
			case 'GRANT':
			case 'REVOKE':
				return this.#tablespacePrivilege() ?? this.#parameterPrivilege() ?? this.#membership();
			case 'SET':
			case 'RESET':
				return this.#session();
		}
		return undefined;
	}

	/** Whether the words stand at a position; by default right after the first word. */
	#is(...words: [number, ...string[]] | string[]): boolean {
		const [first, ...others] = words;
		if (typeof first === 'number') return wordsAt(this.tokens, first, ...(others as string[]));
		return wordsAt(this.tokens, 1, ...(words as string[]));
	}

	#kind(at: number): ObjectKind | undefined {
		if (this.#is(at, 'ROLE')) return 'role';
		return this.#is(at, 'TABLESPACE') ? 'tablespace' : undefined;
	}

	/** The name at a position, as the server understands it. */
	#name(at: number): string | undefined {
		const token = this.tokens[at];
		if (!token || token.kind === 'mark' || Buffer.byteLength(token.name) > LONGEST_NAME) return undefined;
		if (token.kind === 'quoted') return token.name;
		// Which other letters are made small depends on the server; and U&"..." is a name with escapes.
		const isPlain = /^[\w$]+$/.test(token.name) && !isMark(this.tokens[at + 1], '&');
		return isPlain && !NO_NAMES.has(token.text) ? token.name : undefined;
	}

	#create(): GlobalStatement | undefined {
		const [kind, name] = [this.#kind(1), this.#name(2)];
		if (!kind || name === undefined) return undefined;
		const others = this.tokens.slice(3).some((token) => token.kind === 'word' && OF_OTHER_ROLES.has(token.text));
		return kind === 'role' && others ? undefined : { type: 'create', kind, name, sql: this.sql };
	}

	#alter(): GlobalStatement | undefined {
		const [kind, name] = [this.#kind(1), this.#name(2)];
		if (!kind || name === undefined) return undefined;
		const isAttributes = this.#is(3, 'WITH');
		if (!isAttributes && !this.#is(3, 'SET') && !this.#is(3, 'OWNER')) return undefined;
		return { type: 'change', kind, name, what: isAttributes ? 'attributes' : 'settings', sql: this.sql };
	}

	/** `ROLE name IS ...` */
	#described(at: number, what: string): GlobalStatement | undefined {
		const [kind, name] = [this.#kind(at), this.#name(at + 1)];
		if (!kind || name === undefined || !this.#is(at + 2, 'IS')) return undefined;
		return { type: 'change', kind, name, what, sql: this.sql };
	}

	#tablespacePrivilege(): GlobalStatement | undefined {
		const name = this.#name(4);
		if ((!this.#is('ALL') && !this.#is('CREATE')) || !this.#is(2, 'ON', 'TABLESPACE')) return undefined;
		if (name === undefined || (!this.#is(5, 'TO') && !this.#is(5, 'FROM'))) return undefined;
		return { type: 'change', kind: 'tablespace', name, what: 'privileges', sql: this.sql };
	}

	#parameterPrivilege(): GlobalStatement | undefined {
		const on = this.tokens.findIndex((_, at) => this.#is(at, 'ON', 'PARAMETER'));
		const end = on < 0 ? undefined : parseName(this.tokens, on + 2)?.end;
		if (end === undefined || (!this.#is(end, 'TO') && !this.#is(end, 'FROM'))) return undefined;
		return { type: 'parameter', sql: this.sql };
	}

	/** `GRANT role TO member [WITH ...] [GRANTED BY grantor]` */
	#membership(): GlobalStatement | undefined {
		const { sql, tokens } = this;
		const [role, member] = [this.#name(1), this.#name(3)];
		if (!this.#is(0, 'GRANT') || !this.#is(2, 'TO') || role === undefined || member === undefined) return undefined;
		const by = tokens.findIndex((_, at) => at > 3 && this.#is(at, 'GRANTED', 'BY'));
		const end = by < 0 ? tokens.length : by;
		if (end > 4 && !this.#is(4, 'WITH')) return undefined;
		if (by < 0) return { type: 'membership', role, member, grantor: undefined, sql };
		const grantor = this.#name(by + 2);
		if (grantor === undefined || tokens.length > by + 3) return undefined;
		return { type: 'membership', role, member, grantor, sql };
	}

	#session(): GlobalStatement | undefined {
		const { sql, tokens } = this;
		const isSet = this.#is(0, 'SET');
		if (isSet && tokens[1]?.kind === 'word' && IGNORED.has(tokens[1].text)) return { type: 'ignored', sql };
		if (!this.#is('SESSION', 'AUTHORIZATION')) return undefined;
		const isWhole = isSet ? tokens.length === 4 && this.#name(3) !== undefined : tokens.length === 3;
		return isWhole ? { type: 'session', sql } : undefined;
	}
}

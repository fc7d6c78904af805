import type { StatementFacts } from '../../statements/facts';
import { tableKey } from '../../statements/tokens';

const NAME = String.raw`(?:"(?:[^"]|"")*"|[^\s",;()]+)`;

/** As pg_dump writes a policy, up to its roles and from them on. */
const POLICY = new RegExp(
	String.raw`^(CREATE\s+POLICY\s+${NAME}\s+ON\s+${NAME}(?:\.${NAME})?(?:\s+AS\s+\w+)?(?:\s+FOR\s+\w+)?\s+TO\s+)(${NAME}(?:\s*,\s*${NAME})*)(\s[^]*)?$`,
	'i',
);

const unquoted = (name: string): string =>
	name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase();

/** A policy for those of its roles that are there; undefined where none is. It is never made for more roles than it was. */
function policyFor(statement: string, absent: ReadonlySet<string>): string | undefined {
	const [, head = '', roles = '', rest = ''] = POLICY.exec(statement) ?? [];
	const left = (roles.match(new RegExp(NAME, 'g')) ?? []).filter((role) => !absent.has(unquoted(role)));
	return left.length === 0 ? undefined : `${head}${left.join(', ')}${rest}`;
}

/**
 * Policies and user mappings for roles that the target lacks, where whoever restores wants none of the source's roles: they
 * concern nobody there. What a policy says of other roles stays.
 */
export class NamedRoles {
	readonly warnings: string[] = [];
	readonly #leftOut = new Set<string>();

	constructor(readonly absent: ReadonlySet<string>) {}

	/** The statement as far as its roles are there; undefined where it is to be left out. */
	fit(statement: string, { kind, name = '', role, table = '' }: StatementFacts, object: string): string | undefined {
		const key = tableKey(table, name);
		if (kind === 'POLICY' && role === undefined) return this.#leftOut.has(key) ? undefined : statement;
		const lacking = role?.kind === 'named' ? role.names.filter((named) => this.absent.has(named)) : [];
		if (lacking.length === 0) return statement;
		const sql = kind === 'POLICY' ? policyFor(statement, this.absent) : undefined;
		if (sql === undefined) this.#leftOut.add(key);
		const who = `the server has no role ${lacking.join(', ')}`;
		this.warnings.push(
			sql === undefined ? `${object} was left out: ${who}.` : `${object} is for fewer roles than in the dump: ${who}.`,
		);
		return sql;
	}
}

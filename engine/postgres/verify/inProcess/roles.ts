import type { RestoreStep } from '../../restore/source';
import { quoteIdentifier, quoteLiteral } from '../../quoting';
import { findWord, type Token, tokenize } from '../../statements/tokens';

/**
 * Creates a role where it is missing. It may do everything: which rights roles have by others is in the backup of the
 * server's globals, and no test of this database's rows is to fail for the want of one.
 */
export function makeRole(name: string): string {
	const create = `CREATE ROLE ${quoteIdentifier(name)} SUPERUSER`;
	// Names that begin with pg_ are the server's own.
	return `DO ${quoteLiteral(`BEGIN ${create}; EXCEPTION WHEN duplicate_object OR reserved_name THEN NULL; END`)}`;
}

const NOBODY = new Set(['PUBLIC', 'CURRENT_USER', 'CURRENT_ROLE', 'SESSION_USER']);

/** The roles of `CREATE POLICY ... TO a, b USING (...)` and of `CREATE USER MAPPING FOR a SERVER ...`. */
function rolesOf(text: string): string[] {
	if (!/^CREATE\s+(?:POLICY|USER\s+MAPPING)\s/i.test(text)) return [];
	const tokens = tokenize(text);
	const isMapping = tokens[1]?.text === 'USER';
	const names: string[] = [];
	let at = findWord(tokens, 2, ...(isMapping ? ['FOR'] : ['TO'])) + 1;
	for (let token = tokens[at]; at > 0 && token && !endsRoles(token); token = tokens[at]) {
		if (!(token.kind === 'word' && NOBODY.has(token.text))) names.push(token.name);
		if (tokens[at + 1]?.text !== ',') break;
		at += 2;
	}
	return names;
}

function endsRoles({ kind, text }: Token): boolean {
	return kind === 'mark' || (kind === 'word' && ['USING', 'WITH', 'SERVER'].includes(text));
}

/** Steps with roles made before the statements that name some which nobody owns anything by: policies, user mappings. */
export async function* withRoles(steps: AsyncIterable<RestoreStep>): AsyncGenerator<RestoreStep> {
	for await (const step of steps) {
		if (step.type === 'statement')
			for (const role of rolesOf(step.text)) yield { type: 'statement', text: makeRole(role), comment: '' };
		yield step;
	}
}

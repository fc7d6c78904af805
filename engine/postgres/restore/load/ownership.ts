import { quoteIdentifier } from '../../quoting';
import type { StatementFacts } from '../../statements/facts';
import type { OwnerMapping } from '../options';

const OWNER_AT_END = /OWNER TO (?:"(?:[^"]|"")*"|[^\s";]+)\s*$/;

/**
 * A statement as the mapping wants it, or undefined where it is to be left out. An owner stands at the very end of its
 * statement, as pg_dump writes it.
 */
export function mapOwnership(
	statement: string,
	facts: StatementFacts,
	owner: OwnerMapping,
	privileges: boolean,
): string | undefined {
	// Without the owners of the dump, nobody has to be spoken as: whoever restores does everything.
	if (facts.role?.kind === 'session') return owner.type === 'asDumped' ? statement : undefined;
	if (facts.role?.kind === 'privilege') return privileges ? statement : undefined;
	if (facts.role?.kind !== 'owner' || owner.type === 'asDumped') return statement;
	if (owner.type === 'none') return undefined;
	return statement.replace(OWNER_AT_END, () => `OWNER TO ${quoteIdentifier(owner.role)}`);
}

import { quoteIdentifier, quoteLiteral } from '../../quoting';

/**
 * Creates a role where it is missing. It may do everything: which rights roles have by others is in the backup of the
 * server's globals, and no test of this database's rows is to fail for the want of one.
 */
export function makeRole(name: string): string {
	const create = `CREATE ROLE ${quoteIdentifier(name)} SUPERUSER`;
	// Names that begin with pg_ are the server's own.
	return `DO ${quoteLiteral(`BEGIN ${create}; EXCEPTION WHEN duplicate_object OR reserved_name THEN NULL; END`)}`;
}

import { quoteIdentifier } from '../quoting';

/** Every privilege of an object kind, in the order in which pg_dump writes them. */
const PRIVILEGES = {
	TABLESPACE: ['CREATE'],
	PARAMETER: ['SET', 'ALTER SYSTEM'],
} as const;

export type PrivilegedKind = keyof typeof PRIVILEGES;

/** A row of aclexplode with the names looked up, and whether it stands in the object's ACL or in the default one. */
export interface PrivilegeRow {
	object: string;
	is_default: boolean;
	/** Null for PUBLIC. */
	grantee: string | null;
	grantor: string;
	privilege_type: string;
	is_grantable: boolean;
}

interface AclItem {
	grantee: string | null;
	grantor: string;
	plain: string[];
	grantable: string[];
}

/**
 * SELECT that yields PrivilegeRows.
 * @param objects a SELECT of `object` (name), `acl` and `default_acl`; objects whose acl is null have the default
 */
export function privilegeQuery(objects: string): string {
	return `SELECT o.object, s.is_default, e.is_grantable, e.privilege_type,
			CASE WHEN e.grantee <> 0 THEN pg_catalog.pg_get_userbyid(e.grantee) END AS grantee,
			pg_catalog.pg_get_userbyid(e.grantor) AS grantor
		FROM (${objects}) o
		CROSS JOIN LATERAL (VALUES (false, o.acl), (true, o.default_acl)) s (is_default, acl)
		CROSS JOIN LATERAL pg_catalog.aclexplode(s.acl) WITH ORDINALITY
			e (grantor, grantee, privilege_type, is_grantable, place)
		WHERE o.acl IS NOT NULL
		ORDER BY 1, 2, e.place`;
}

/**
 * REVOKE and GRANT statements that turn the default privileges of a new object into those it has. The order follows
 * pg_dump: what the default grants and the object does not comes off first, the owner's own grants come next, and the
 * others keep their stored order, in which every grantor has its grant option before using it.
 */
export function privilegeStatements(
	kind: PrivilegedKind,
	object: string,
	owner: string,
	rows: readonly PrivilegeRow[],
): string[] {
	const own = rows.filter((row) => row.object === object);
	const actual = items(own.filter((row) => !row.is_default));
	const standard = items(own.filter((row) => row.is_default));
	const first = without(standard, actual).map((item) => {
		const privileges = list(kind, [...item.plain, ...item.grantable]);
		return `REVOKE ${privileges} ON ${kind} ${quoteIdentifier(object)} FROM ${grantee(item)};`;
	});
	const others: string[] = [];
	for (const item of without(actual, standard)) {
		const statements = grants(kind, object, item);
		if (item.grantor === owner) (item.grantee === owner ? first : others).push(...statements);
		else {
			others.push(`SET SESSION AUTHORIZATION ${quoteIdentifier(item.grantor)};`);
			others.push(...statements, 'RESET SESSION AUTHORIZATION;');
		}
	}
	return [...first, ...others];
}

/** Rows of one object come in stored order, those of one ACL item next to each other. */
function items(rows: readonly PrivilegeRow[]): AclItem[] {
	const found: AclItem[] = [];
	for (const row of rows) {
		let item = found.at(-1);
		if (!item || item.grantee !== row.grantee || item.grantor !== row.grantor) {
			item = { grantee: row.grantee, grantor: row.grantor, plain: [], grantable: [] };
			found.push(item);
		}
		(row.is_grantable ? item.grantable : item.plain).push(row.privilege_type);
	}
	return found;
}

function without(all: AclItem[], removed: AclItem[]): AclItem[] {
	const keys = new Set(removed.map((item) => JSON.stringify(item)));
	return all.filter((item) => !keys.has(JSON.stringify(item)));
}

function grants(kind: PrivilegedKind, object: string, item: AclItem): string[] {
	const on = `ON ${kind} ${quoteIdentifier(object)} TO ${grantee(item)}`;
	const statements: string[] = [];
	if (item.plain.length > 0) statements.push(`GRANT ${list(kind, item.plain)} ${on};`);
	if (item.grantable.length > 0) {
		statements.push(`GRANT ${list(kind, item.grantable)} ${on} WITH GRANT OPTION;`);
	}
	return statements;
}

function list(kind: PrivilegedKind, privileges: string[]): string {
	const all = PRIVILEGES[kind];
	if (privileges.length === all.length) return 'ALL';
	return all.filter((privilege) => privileges.includes(privilege)).join(',');
}

function grantee(item: AclItem): string {
	return item.grantee === null ? 'PUBLIC' : quoteIdentifier(item.grantee);
}

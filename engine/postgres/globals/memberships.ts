import type { ClientBase } from 'pg';

import { BackupError } from '../../errors';
import { quoteIdentifier } from '../quoting';

/** OID of the role that initdb creates (BOOTSTRAP_SUPERUSERID in PostgreSQL's pg_authid.dat). */
const BOOTSTRAP_SUPERUSER = 10;

interface Membership {
	role: string;
	member: string;
	grantor: string | null;
	granted_by_bootstrap: boolean;
	admin_option: boolean;
	inherit_option: boolean | null;
	set_option: boolean | null;
}

/**
 * GRANT statements for every membership but those between predefined roles.
 *
 * Servers before 16 do not keep grantors faithfully (the grantor may lack the admin option or be gone), so none is named
 * for them, as pg_dumpall 16 and later do it.
 */
export async function readMemberships(client: ClientBase, majorVersion: number): Promise<string[]> {
	const keepsGrantors = majorVersion >= 16;
	const options = keepsGrantors
		? 'm.inherit_option, m.set_option'
		: 'NULL::bool AS inherit_option, NULL::bool AS set_option';
	const { rows } = await client.query<Membership>(
		`SELECT role.rolname::text AS role, member.rolname::text AS member, grantor.rolname::text AS grantor,
			m.grantor = ${BOOTSTRAP_SUPERUSER} AS granted_by_bootstrap, m.admin_option, ${options}
		FROM pg_catalog.pg_auth_members m
		JOIN pg_catalog.pg_roles role ON role.oid = m.roleid
		JOIN pg_catalog.pg_roles member ON member.oid = m.member
		LEFT JOIN pg_catalog.pg_roles grantor ON grantor.oid = m.grantor
		WHERE NOT (role.rolname ~ '^pg_' AND member.rolname ~ '^pg_')
		ORDER BY role.rolname, member.rolname, grantor.rolname`,
	);
	return (keepsGrantors ? byRole(rows).flatMap(grantorsFirst) : rows).map((membership) =>
		grant(membership, keepsGrantors),
	);
}

function byRole(memberships: Membership[]): Membership[][] {
	const roles = new Map<string, Membership[]>();
	for (const membership of memberships) {
		roles.set(membership.role, [...(roles.get(membership.role) ?? []), membership]);
	}
	return [...roles.values()];
}

/**
 * A grantor must hold the admin option on the role before it can be named; only the bootstrap superuser always may. So
 * the grants of a role go in passes: what the bootstrap superuser granted, what those members gave on, and so forth.
 */
function grantorsFirst(memberships: Membership[]): Membership[] {
	const ordered: Membership[] = [];
	const admins = new Set<string | null>();
	let waiting = memberships;
	while (waiting.length > 0) {
		const later: Membership[] = [];
		for (const membership of waiting) {
			if (!membership.granted_by_bootstrap && !admins.has(membership.grantor)) {
				later.push(membership);
				continue;
			}
			if (membership.admin_option) admins.add(membership.member);
			ordered.push(membership);
		}
		if (later.length === waiting.length) {
			throw new BackupError(
				'SOURCE_FAILED',
				`The memberships in role ${quoteIdentifier(waiting[0]?.role ?? '')} have no order in which they could be granted.`,
				{ hint: 'A grantor lacks the admin option on the role: revoke these memberships and grant them anew.' },
			);
		}
		waiting = later;
	}
	return ordered;
}

function grant(membership: Membership, keepsGrantors: boolean): string {
	const options: string[] = [];
	if (membership.admin_option) options.push('ADMIN OPTION');
	if (membership.inherit_option !== null) options.push(`INHERIT ${membership.inherit_option ? 'TRUE' : 'FALSE'}`);
	if (membership.set_option === false) options.push('SET FALSE');
	const withOptions = options.length > 0 ? ` WITH ${options.join(', ')}` : '';
	const by = keepsGrantors && membership.grantor !== null ? ` GRANTED BY ${quoteIdentifier(membership.grantor)}` : '';
	return `GRANT ${quoteIdentifier(membership.role)} TO ${quoteIdentifier(membership.member)}${withOptions}${by};`;
}

import type { Client } from 'pg';

import { BackupError } from '../../../errors';
import { namesOf, type TargetRelation } from '../../relations';

/** Which of the tables publications name, one by one, and which a subscription fills. */
const REPLICATED = `SELECT p.prrelid AS oid, 'publication' AS what, pub.pubname::text AS name
		FROM pg_catalog.pg_publication_rel p JOIN pg_catalog.pg_publication pub ON pub.oid = p.prpubid
		WHERE p.prrelid = ANY ($1::oid[])
	UNION SELECT r.srrelid, 'subscription', s.subname::text
		FROM pg_catalog.pg_subscription_rel r JOIN pg_catalog.pg_stat_subscription s ON s.subid = r.srsubid
		WHERE r.srrelid = ANY ($1::oid[])
	ORDER BY 2, 3`;

/**
 * A table that is dropped leaves publications and subscriptions for good, and a subscriber has no part in what is done
 * to it. @throws BackupError INVALID_INPUT naming the publications and subscriptions.
 */
export async function checkReplication(client: Client, relations: TargetRelation[]): Promise<void> {
	const { rows } = await client.query<{ oid: number; what: string; name: string }>(REPLICATED, [
		relations.map(({ oid }) => oid),
	]);
	if (rows.length === 0) return;
	const tables = relations.filter((relation) => rows.some(({ oid }) => oid === relation.oid));
	const parts = [...new Set(rows.map(({ what, name }) => `the ${what} "${name}"`))];
	throw new BackupError(
		'INVALID_INPUT',
		`Dropping ${namesOf(tables)} would take it out of ${parts.join(', ')}; nothing was changed.`,
		{
			hint: 'Empty the Tables restores rows and leaves replication in place. To have it dropped all the same, take it out yourself first, and put it back when its subscribers may have the restored rows.',
		},
	);
}

import { join } from 'node:path';
import { checkedManifest } from './checksum.mjs';
import { CALLER, execute, outputOf, publishGuarded, restoreByWebhook } from './execute.mjs';

export const postgresScenarios = [
	{ title: 'The nightly template backs up every database, and the roles', run: backUp },
	{ title: 'The archive of the shop is what its manifest says', run: verify },
	{ title: 'Orders are lost, and the restore template brings them back', run: restore },
];

async function backUp(environment) {
	const execution = await execute(environment, 'postgres-daily-backup.json', 'Every Night at 02:00');
	const { backups } = outputOf(execution, 'Summary');
	if (!backups.some(({ name }) => name === environment.shop)) throw new Error('The shop was not backed up.');
	return [...backups.map(({ name, file, size, state }) => `${name}: ${file}, ${size}, ${state}`), environment.backups];
}

async function verify({ backups, shop }) {
	const { file, sha256, counts, parts } = checkedManifest(join(backups, 'postgres'), shop);
	const { tables, rows } = counts;
	return [`${file}: SHA-256 ${sha256.slice(0, 16)}..., ${tables} tables, ${rows} rows, ${parts.length} frames`];
}

async function restore(environment) {
	const { n8n, postgres, shop } = environment;
	const orders = async () => (await postgres.query(shop, 'SELECT count(*)::int AS count FROM orders')).rows[0].count;
	const before = await orders();
	await postgres.query(shop, 'DELETE FROM orders WHERE id % 3 = 0');
	const damaged = await orders();
	await publishGuarded(environment, 'postgres-restore-webhook.json', { databases: { [shop]: shop } });
	const foreign = await n8n.webhook(
		'restore-postgres',
		{ database: 'postgres', confirm: 'postgres' },
		{ headers: CALLER },
	);
	if (foreign.status !== 403) throw new Error(`A database that is not listed was answered with ${foreign.status}.`);
	const unconfirmed = { database: shop, dryRun: false, confirm: 'another' };
	const refused = await n8n.webhook('restore-postgres', unconfirmed, { headers: CALLER });
	if (refused.status !== 409) throw new Error(`Without a confirmation the webhook answered ${refused.status}.`);
	const asked = { database: shop, confirm: shop };
	const { plan, told } = await restoreByWebhook(environment, 'restore-postgres', asked);
	const after = await orders();
	if (after !== before) throw new Error(`There were ${before} orders, and ${after} came back.`);
	return [
		`${before} orders, ${damaged} after a slip of the hand`,
		`A database that the template does not list: "${foreign.body.error}"`,
		`Without the right confirmation: "${refused.body.error}"`,
		`The dry run would replace ${plan.replaces}`,
		`Restored: ${told.result}`,
		`${after} orders again`,
	];
}

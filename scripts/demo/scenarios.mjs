import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What the demo does, in order. A scenario is { title, run }: `run` gets the environment (scripts/demo/environment.mjs, with
 * `credentials` and `templates`), throws where something is not as it should be, and answers lines that tell what happened.
 */
export const scenarios = [
	{ title: 'The nightly template backs up every database, and the roles', run: backUp },
	{ title: 'The archive of the shop is what its manifest says', run: verify },
	{ title: 'Orders are lost, and the restore template brings them back', run: restore },
];

const size = (bytes) => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

/** Runs an imported workflow as the editor's Execute button does; answers the execution. */
async function execute({ n8n, templates }, file, trigger) {
	const { id } = templates.find((template) => template.file === file);
	const workflowData = await n8n.rest('GET', `/workflows/${id}`);
	const { executionId } = await n8n.rest('POST', `/workflows/${id}/run`, {
		workflowData,
		triggerToStartFrom: { name: trigger },
	});
	for (;;) {
		const execution = await n8n.execution(executionId);
		if (!['new', 'running', 'waiting'].includes(execution.status)) return execution;
		await sleep(200);
	}
}

async function backUp(environment) {
	const execution = await execute(environment, 'postgres-daily-backup.json', 'Every Night at 02:00');
	const { runData, error } = execution.data.resultData;
	if (execution.status !== 'success') throw new Error(error?.message ?? `The workflow ended as ${execution.status}.`);
	const [summary] = runData.Summary[0].data.main[0];
	const { backups, totalStoredBytes } = summary.json;
	if (!backups.some(({ database }) => database === environment.shop)) throw new Error('The shop was not backed up.');
	return [
		...backups.map(({ database, file, storedBytes }) => `${database}: ${file}, ${size(storedBytes)}`),
		`${size(totalStoredBytes)} in all, in ${environment.backups}`,
	];
}

async function verify({ backups, shop }) {
	const folder = join(backups, 'postgres');
	const file = readdirSync(folder).find((name) => name.startsWith(`${shop}_2`) && name.endsWith('.sql.zst'));
	const manifest = JSON.parse(readFileSync(join(folder, `${file}.manifest.json`), 'utf8'));
	const hash = createHash('sha256')
		.update(readFileSync(join(folder, file)))
		.digest('hex');
	if (hash !== manifest.sha256)
		throw new Error(`${file} has the SHA-256 ${hash}, the manifest says ${manifest.sha256}.`);
	const { tables, rows } = manifest.counts;
	return [`${file}: SHA-256 ${hash.slice(0, 16)}..., ${tables} tables, ${rows} rows, ${manifest.parts.length} frames`];
}

/** Lets the template's webhook ask for a secret, as a person would set it up in the editor. */
async function publishRestore({ n8n, templates }) {
	const secret = { name: 'x-restore-secret', value: 'demo' };
	const credential = await n8n.createCredential('Restore secret', 'httpHeaderAuth', secret);
	const { id } = templates.find(({ file }) => file === 'postgres-restore-webhook.json');
	const workflow = await n8n.rest('GET', `/workflows/${id}`);
	const nodes = workflow.nodes.map((node) =>
		node.name === 'Webhook' ? { ...node, credentials: { httpHeaderAuth: credential } } : node,
	);
	await n8n.rest('PATCH', `/workflows/${id}`, { ...workflow, nodes });
	await n8n.activate(id);
	return { [secret.name]: secret.value };
}

async function restore(environment) {
	const { n8n, postgres, shop } = environment;
	const orders = async () => (await postgres.query(shop, 'SELECT count(*)::int AS count FROM orders')).rows[0].count;
	const before = await orders();
	await postgres.query(shop, 'DELETE FROM orders WHERE id % 3 = 0');
	const damaged = await orders();
	const headers = await publishRestore(environment);
	const refused = await n8n.webhook('restore-postgres', { database: shop, confirm: 'another' }, { headers });
	if (refused.status !== 422) throw new Error(`Without a confirmation the webhook answered ${refused.status}.`);
	const { status, body } = await n8n.webhook('restore-postgres', { database: shop, confirm: shop }, { headers });
	if (status !== 200) throw new Error(`The webhook answered ${status}: ${JSON.stringify(body)}`);
	const after = await orders();
	if (after !== before) throw new Error(`There were ${before} orders, and ${after} came back.`);
	return [
		`${before} orders, ${damaged} after a slip of the hand`,
		`Without the right confirmation: "${refused.body.error}"`,
		`Restored ${body.rows} rows of ${body.tables.length} tables in ${body.durationSeconds} s: ${after} orders again`,
		`The damaged database is kept as ${body.previousDatabase}`,
	];
}

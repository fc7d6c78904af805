import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { FolderStorage } from '../../../engine';
import { sharedN8n } from '../../e2e/harness';
import { template, withCredentials } from '../../e2e/templates';
import { NodeRunner } from '../../nodes/node-runner';
import { writeBackup, writeDaily } from '../../nodes/retention-support';
import { PACKAGE } from '../../nodes/workflow';
import { freePort, startProcess } from '../../services/process';
import { MONITORING } from './promtool';

const NODE_TYPE = `${PACKAGE}.backupReport`;
const USER = { user: 'prometheus', password: 'open sesame' };

/** Prometheus with our rules, which scrapes the webhook of the template as its note says. */
async function startPrometheus(n8nUrl: string) {
	const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
	onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
	const config = {
		global: { scrape_interval: '1s', evaluation_interval: '1s' },
		rule_files: [join(MONITORING, 'prometheus-rules.yml')],
		scrape_configs: [
			{
				job_name: 'backups',
				metrics_path: '/webhook/backup-metrics',
				basic_auth: { username: USER.user, password: USER.password },
				static_configs: [{ targets: [new URL(n8nUrl).host] }],
			},
		],
	};
	const file = join(folder, 'prometheus.yml');
	writeFileSync(file, JSON.stringify(config));
	const url = `http://127.0.0.1:${await freePort()}`;
	const server = await startProcess({
		name: 'Prometheus',
		command: 'prometheus',
		args: [
			`--config.file=${file}`,
			`--storage.tsdb.path=${join(folder, 'data')}`,
			`--web.listen-address=${new URL(url).host}`,
		],
		ready: async () => (await fetch(`${url}/-/ready`)).ok,
		readyWithinMs: 60_000,
	});
	onTestFinished(() => server.stop());
	const get = async <T>(path: string) => ((await (await fetch(`${url}/api/v1/${path}`)).json()) as { data: T }).data;
	return {
		/** Rules that hold, `BackupFailed shop`; after the time that they ask for they fire. */
		alerts: async () => {
			const { alerts } = await get<{ alerts: { labels: Record<string, string> }[] }>('alerts');
			return alerts.map(({ labels }) => `${labels['alertname']} ${labels['name'] ?? ''}`.trim()).sort();
		},
		/** The values of a query, by name. */
		query: async (query: string) => {
			const path = `query?query=${encodeURIComponent(query)}`;
			const { result } = await get<{ result: { metric: { name?: string }; value: [number, string] }[] }>(path);
			return Object.fromEntries(result.map(({ metric, value }) => [metric.name ?? '', Number(value[1])]));
		},
	};
}

it('a real Prometheus scrapes the template in a real n8n, and our rules find what is wrong', async () => {
	const n8n = await sharedN8n();
	const { folder, node } = await NodeRunner.withFolder(n8n, NODE_TYPE, {});
	const storage = new FolderStorage({ root: folder });
	const keys = await writeDaily(storage, 2);
	await writeBackup(storage, 3, { kind: 'qdrant', name: 'articles' });
	truncateSync(join(folder, keys[0]!), 1);
	const httpBasicAuth = await n8n.createCredential('prometheus', 'httpBasicAuth', USER);
	const credentials = { [NODE_TYPE]: node.credentials, Webhook: { httpBasicAuth } };
	await n8n.activate(await n8n.createWorkflow(withCredentials(template('report-metrics.json'), credentials)));
	const prometheus = await startPrometheus(n8n.url);
	await expect.poll(() => prometheus.query('stack_backup_success')).toEqual({ shop: 0, articles: 1 });
	const isRelevant = (alert: string) => !alert.startsWith('BackupStorage');
	await expect
		.poll(async () => (await prometheus.alerts()).filter(isRelevant))
		.toEqual(['BackupFailed shop', 'BackupStale articles', 'BackupUnverified articles', 'BackupUnverified shop']);
	await writeBackup(storage, 0);
	await expect.poll(() => prometheus.alerts()).not.toContain('BackupFailed shop');
});

import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runNode } from './execute.mjs';
import { answerOf } from './webhook.mjs';

/** It goes on behind the scenes that follow. */
export const slowScenarios = [{ title: 'A backup of videos begins, at most 0.2 MB a second', run: begin }];

export const runningScenarios = [
	{ title: 'The status page and the metrics say what is running now, and how far it is', run: look },
];

const SIZE = 40_000_000;
const LONGEST_WAIT_MS = 30_000;

async function begin(environment) {
	const { credentials, n8n } = environment;
	const path = join(n8n.connection.filesFolder, 'videos');
	mkdirSync(path);
	writeFileSync(join(path, 'opening.mp4'), randomBytes(SIZE));
	const { backupStorageApi } = credentials;
	const parameters = { operation: 'backUp', path, options: { bandwidthLimit: 0.2 } };
	const type = 'n8n-nodes-stack-backup.filesArchive';
	const node = { name: 'Back Up Videos', type, parameters, credentials: { backupStorageApi } };
	// It is stopped by the scene that has looked at it.
	environment.videos = runNode(environment, node).catch((error) => error);
	return [`${SIZE / 1e6} MB, which take ${SIZE / 0.2e6} s`];
}

async function look(environment) {
	// The first sign of life comes ten seconds after a run has begun.
	await until(() => signsOf(environment).length > 0, 'The backup of videos gives no sign of life.');
	const [{ path, execution }] = signsOf(environment);
	const page = await answerOf(environment, 'report-status-page.json', 'backup-status');
	const [, card = ''] = /<h3>(Back up of files videos<.*?)<\/article>/s.exec(page) ?? [];
	if (card === '') throw new Error('The page does not show what runs.');
	const metrics = await answerOf(environment, 'report-metrics.json', 'backup-metrics');
	const [metric] = /^stack_backup_running_runs\{.*videos.*$/m.exec(metrics) ?? [];
	if (!metric) throw new Error('The metrics do not count what runs.');
	await environment.n8n.stopExecution(execution);
	await environment.videos;
	await until(() => !existsSync(path), 'The run that was stopped has left a sign of life.');
	return [textOf(card), metric, 'Stopped: it has left nothing behind'];
}

/** Waits for something, for a while. @throws what to say where it does not come */
async function until(isThere, otherwise) {
	for (const last = Date.now() + LONGEST_WAIT_MS; !isThere(); await sleep(200))
		if (Date.now() > last) throw new Error(otherwise);
}

/** What backups of videos have written of themselves into the storage. */
function signsOf({ backups }) {
	const folder = join(backups, '.stack-backup', 'running');
	if (!existsSync(folder)) return [];
	const paths = readdirSync(folder)
		.filter((file) => file.endsWith('.json'))
		.map((file) => join(folder, file));
	return paths
		.map((path) => ({ path, ...JSON.parse(readFileSync(path, 'utf8')) }))
		.filter(({ name }) => name === 'videos');
}

function textOf(html) {
	return html
		.replace(/<[^>]*>/g, ' ')
		.replaceAll('&quot;', '"')
		.replace(/\s+/g, ' ')
		.trim();
}

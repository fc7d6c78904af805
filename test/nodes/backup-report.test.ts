import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdirSync, readdirSync, readFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { FolderStorage, manifestKeyOf, noteEvent, readManifest } from '../../engine';
import { startPostgres } from '../services/postgres';
import { startQdrant } from '../services/qdrant';
import { createPlain } from '../services/qdrant-data';
import { inProcessN8n } from './harness';
import { type Json, NodeRunner } from './node-runner';
import { postgresData } from './postgres-support';
import { qdrantData } from './qdrant-support';
import { writeBackup, writeDaily } from './retention-support';
import { PACKAGE } from './workflow';

const n8n = await inProcessN8n();

/** Backup Report on a fresh folder with two series, one of them old. */
async function reportNode() {
	const { folder, node } = await NodeRunner.withFolder(n8n, `${PACKAGE}.backupReport`, {});
	const storage = new FolderStorage({ root: folder });
	const keys = await writeDaily(storage, 3);
	const article = await writeBackup(storage, 3, { kind: 'qdrant', name: 'articles' });
	return { folder, node, storage, keys, article };
}

it('writes a report into the storage and its texts into the item', async () => {
	const { folder, node } = await reportNode();
	const [item] = await node.ok('createReport');
	const stored = JSON.parse(readFileSync(join(folder, 'backup_report.json'), 'utf8')) as Json;
	expect(item!['report']).toEqual(stored);
	expect(stored).toMatchObject({
		status: 'failed',
		components: { postgres: { status: 'success' }, qdrant: { status: 'success' } },
		statistics: { postgres_backups: 3, qdrant_backups: 1 },
		errors: ['The newest good backup of qdrant articles is 3 days old; 24 h are allowed.'],
	});
	expect(item).toMatchObject({
		subject: expect.stringContaining('1 of 2 is not safe'),
		errors: 1,
		key: 'backup_report.json',
	});
	for (const name of ['text', 'markdown', 'html', 'slack']) expect(item![name]).toContain('articles');
	expect(JSON.parse(item!['slack'] as string)).toMatchObject({ blocks: [{ type: 'header' }, {}, {}, {}, {}, {}, {}] });
	const [simple] = await node.ok('createReport', { simplify: true, storeReport: false });
	expect(Object.keys(simple!)).toHaveLength(10);
});

it('shows what is running now, and alerts on what did not end', async () => {
	const { folder, node } = await reportNode();
	const running = join(folder, '.stack-backup', 'running');
	mkdirSync(running, { recursive: true });
	const put = (digit: string, name: string, minutesAgo: number) => {
		const id = `${digit.repeat(8)}-0000-4000-8000-000000000000`;
		const run = {
			...{ formatVersion: 1, id, action: 'backUp', kind: 'files', name, startedAt: new Date().toISOString() },
			...{
				bytes: 5_000_000,
				bytesPerSecond: 1_000_000,
				workflow: 'Nightly',
				execution: '17',
				host: 'worker-1',
				process: 7,
			},
		};
		const file = join(running, `${id}.json`);
		writeFileSync(file, JSON.stringify(run));
		const seen = Date.now() / 1000 - minutesAgo * 60;
		utimesSync(file, seen, seen);
	};
	put('1', 'documents', 0);
	put('2', '<b>photos</b>', 30);
	writeFileSync(join(running, '33333333-0000-4000-8000-000000000000.json'), '{');
	const [page] = await node.ok('getStatusPage');
	expect(page!['html']).toContain('Back up of files documents');
	expect(page!['html']).toContain('files &lt;b&gt;photos');
	const [report] = await node.ok('createReport');
	expect((report!['report'] as Json)['running']).toMatchObject([
		{ name: 'documents', status: 'running', bytes: 5_000_000, total_bytes: null },
		{ name: '<b>photos</b>', status: 'dead' },
	]);
	expect(report!['text']).toContain('Running now (1), did not end (1)');
	for (const name of ['markdown', 'html', 'slack']) expect(report![name]).toMatch(/documents.*did not end/s);
	const [metrics] = await node.ok('getMetrics');
	expect(metrics!['metrics']).toContain('stack_backup_running_runs{action="backUp",kind="files",name="documents"} 1');
	expect(metrics!['metrics']).toContain('stack_backup_dead_runs{action="backUp",kind="files",name="<b>photos</b>"} 1');
	const [, alerts] = await node.outputs('checkAlerts');
	expect(alerts![0]!['newProblems']).toContainEqual(
		expect.objectContaining({ kind: 'deadRun', subject: 'files <b>photos</b>' }),
	);
	// Who does not want to hear of a name hears nothing of its runs.
	const [quiet] = await node.ok('createReport', { options: { ignoredNames: '*photos*' } });
	expect((quiet!['report'] as Json)['running']).toHaveLength(1);
});

it('goes by the targets and conditions that are set', async () => {
	const { node } = await reportNode();
	const parameters = {
		targets: { rpoHours: 96.5 },
		options: { unverifiedDays: 0, ignoredNames: '', expectedNames: 'shop, "articles"', lowStorage: 0 },
	};
	const [fine] = await node.ok('createReport', parameters);
	expect(fine!['report']).toMatchObject({ status: 'success', rpo: { target_hours: 96.5, met: true } });
	const [bad] = await node.ok('createReport', {
		...parameters,
		options: { ...parameters.options, expectedNames: 'crm' },
	});
	expect(bad!['report']).toMatchObject({ errors: ['There is no backup of crm.'] });
	expect(await node.fails('createReport', { targets: { rpoHours: 'soon' } })).toMatch(/RPO \(Hours\) is "soon"/);
	expect(await node.fails('createReport', { options: { unverifiedDays: -1 } })).toMatch(/Unverified After \(Days\)/);
});

it('reports on the items of a run, by what the storage holds of them', async () => {
	const { node, storage, keys, article } = await reportNode();
	const { manifest } = await readManifest(storage, manifestKeyOf(keys[0]!));
	const run = async (items: Json[]) => {
		const jsonOutput = JSON.stringify({ items });
		const list = { type: 'n8n-nodes-base.set', typeVersion: 3.4, parameters: { mode: 'raw', jsonOutput } };
		const split = { type: 'n8n-nodes-base.splitOut', parameters: { fieldToSplitOut: 'items' } };
		const parameters = { reportOn: 'items', options: { unverifiedDays: 0, ignoredNames: 'articles' } };
		return await (await node.workflow('createReport', parameters, {}, [list, split])).run();
	};
	const made = { id: manifest.id, name: 'shop', file: manifest.file };
	const good = await run([made]);
	expect(good.items.map(({ json }) => json)).toMatchObject([{ status: 'success' }]);
	const ignored = await readManifest(storage, manifestKeyOf(article));
	const [both] = (await run([made, { id: ignored.manifest.id, name: 'articles' }])).items;
	expect(both!.json['report']).toMatchObject({ errors: [], components: { qdrant: { status: 'success' } } });
	const failed = await run([
		made,
		{ error: 'The server cannot be reached.', details: {} },
		{ id: 'gone', name: 'crm' },
	]);
	expect(failed.items).toHaveLength(1);
	expect(failed.items[0]!.json['report']).toMatchObject({
		errors: [
			'a back up: The server cannot be reached.',
			'crm: the run says that it was backed up, and the storage holds no such backup.',
		],
	});
	const none = await run([{ anything: 1 }]);
	expect(none.error?.message).toMatch(/None of the incoming items is a backup/);
});

it('asks servers what is on them, and tells what has no backup', async () => {
	const [postgres, qdrant] = await Promise.all([startPostgres({ version: 18 }), startQdrant()]);
	onTestFinished(async () => void (await Promise.all([postgres.stop(), qdrant.stop()])));
	for (const name of ['shop', 'crm', 'tmp_1']) await postgres.query('postgres', `CREATE DATABASE ${name}`);
	await createPlain(qdrant, 'docs', 3);
	const { node: alone } = await reportNode();
	const node = alone.with({
		postgres: await n8n.createCredential('server', 'postgres', postgresData(postgres, 'postgres')),
		qdrantApi: await n8n.createCredential('vectors', 'qdrantApi', qdrantData(qdrant)),
	});
	const options = { unverifiedDays: 0, lowStorage: 0, ignoredNames: 'postgres, tmp_*, articles' };
	const compareWith = ['postgres', 'qdrant'];
	const problems = async () => {
		const [item] = await node.ok('createReport', { compareWith, options });
		return (item!['problems'] as Json[]).map(({ kind, subject }) => `${kind as string} ${subject as string}`);
	};
	expect(await problems()).toEqual(['uncovered postgres crm', 'uncovered qdrant docs']);
	// One that is down hides nothing of the other.
	await qdrant.stop();
	expect(await problems()).toEqual(['uncovered postgres crm', 'unasked Qdrant']);
	expect(await node.fails('createReport', { compareWith: ['mysql'] })).toMatch(/Compare With is "mysql"/);
});

it('gives a page that a webhook can answer with', async () => {
	const { node } = await reportNode();
	const [item] = await node.ok('getStatusPage', { title: 'Our <shop>', options: { refreshSeconds: 60 } });
	expect(item).toMatchObject({ headline: '1 of 2 is not safe', tone: 'bad' });
	expect(item!['html']).toMatch(/^<!DOCTYPE html>/);
	expect(item!['html']).toContain('Our &lt;shop&gt;');
	expect(item!['html']).toContain('<meta http-equiv="refresh" content="60">');
	expect(item!['html']).toContain('no prune has run on this storage yet');
});

it('gives metrics, and writes them for the node exporter as one file', async () => {
	const { folder, node } = await reportNode();
	const [item] = await node.ok('getMetrics', { options: { knownNames: true } });
	expect(item!['metrics']).toMatch(/^stack_backup_backups\{kind="postgres",name="shop"\} 3$/m);
	expect(item!['metrics']).toMatch(/^postgres_backup_status\{database="shop",type="full"\} 1$/m);
	expect(item).toMatchObject({ deliveredTo: 'output', contentType: 'text/plain; version=0.0.4; charset=utf-8' });
	const textfiles = join(folder, 'textfiles');
	mkdirSync(textfiles);
	const file = join(textfiles, 'stack_backup.prom');
	for (const run of [1, 2]) {
		const [written] = await node.ok('getMetrics', { deliverTo: 'textfile', textfilePath: file, options: {} });
		expect(readFileSync(file, 'utf8'), String(run)).toBe(written!['metrics']);
		expect(readdirSync(textfiles)).toEqual(['stack_backup.prom']);
	}
	const wrong: [path: string, error: RegExp][] = [
		['/tmp/x.txt', /File Path is "\/tmp\/x\.txt".*ends in \.prom/],
		['/tmp/.prom', /File Path is/],
		['stack.prom', /absolute/],
		['/etc/stack.prom', /n8n does not let nodes use the folder \/etc/],
	];
	for (const [textfilePath, error] of wrong) {
		expect(await node.fails('getMetrics', { deliverTo: 'textfile', textfilePath })).toMatch(error);
	}
});

it('replaces the metrics of a job at a Pushgateway, and says where it could not', async () => {
	const { node } = await reportNode();
	const got: { method: string | undefined; url: string | undefined; body: string }[] = [];
	let status = 200;
	const server = createServer((request, response) => {
		const chunks: Buffer[] = [];
		request.on('data', (chunk: Buffer) => chunks.push(chunk));
		request.on('end', () => {
			got.push({ method: request.method, url: request.url, body: Buffer.concat(chunks).toString() });
			response.writeHead(status).end();
		});
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	onTestFinished(() => void server.close());
	const { port } = server.address() as AddressInfo;
	const parameters = {
		deliverTo: 'pushgateway',
		pushgatewayUrl: `http://me:secret@127.0.0.1:${port}/`,
		job: 'night/ly',
	};
	const [item] = await node.ok('getMetrics', parameters);
	expect(got).toMatchObject([{ method: 'PUT', url: '/metrics/job@base64/bmlnaHQvbHk', body: item!['metrics'] }]);
	expect(item!['deliveredTo']).toBe(`http://127.0.0.1:${port}`);
	status = 400;
	const error = await node.fails('getMetrics', parameters);
	expect(error).toMatch(/answered 400/);
	expect(error).not.toContain('secret');
	expect(await node.fails('getMetrics', { ...parameters, pushgatewayUrl: 'http://127.0.0.1:1' })).toMatch(
		/cannot be reached/,
	);
	expect(await node.fails('getMetrics', { ...parameters, pushgatewayUrl: 'gateway' })).toMatch(/no URL/);
});

it('alerts on runs that failed, were refused or did not end, and gives the all-clear when the same has succeeded', async () => {
	const { folder, node, storage } = await reportNode();
	const told = async () => {
		const options = { ignoredNames: 'articles', unverifiedDays: 0, lowStorage: 0, alertRefusals: true };
		const [fine, alert] = await node.outputs('checkAlerts', { options, alertName: 'on call' });
		const kinds = (problems: unknown) => (problems as Json[]).map(({ id }) => String(id).split(':')[0]).sort();
		const [item] = alert!.length > 0 ? alert! : fine!;
		return { isAlert: alert!.length > 0, begun: kinds(item!['newProblems']), over: kinds(item!['clearedProblems']) };
	};
	expect(await told()).toEqual({ isAlert: false, begun: [], over: [] });
	const at = () => new Date().toISOString();
	const copy = { action: 'copy', from: 'folder a', to: 'bucket b', execution: { workflowId: 'w2' } } as const;
	const times = () => ({ startedAt: at(), endedAt: at() });
	const error = { code: 'SOURCE_UNREACHABLE', message: 'The server is away.' };
	await noteEvent(storage, { ...times(), action: 'backUp', outcome: 'failed', kind: 'postgres', name: 'shop', error });
	await noteEvent(storage, { ...times(), ...copy, outcome: 'failed', error });
	const locked = { code: 'STORAGE_LOCKED', message: 'Another run is at it.' };
	await noteEvent(storage, { ...times(), action: 'prune', outcome: 'refused', error: locked });
	const id = '11111111-0000-4000-8000-000000000000';
	const figures = { bytes: 1, bytesPerSecond: 0, workflow: 'Nightly', execution: '17', host: 'worker-1', process: 7 };
	const run = { formatVersion: 1, id, action: 'backUp', kind: 'postgres', name: 'shop', startedAt: at(), ...figures };
	const file = join(folder, '.stack-backup', 'running', `${id}.json`);
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(file, JSON.stringify(run));
	utimesSync(file, Date.now() / 1000 - 1800, Date.now() / 1000 - 1800);
	const all = ['deadRun', 'failed', 'failed', 'refused'];
	expect(await told()).toEqual({ isAlert: true, begun: all, over: [] });
	expect(await told()).toEqual({ isAlert: false, begun: [], over: [] });
	await writeBackup(storage, 0);
	expect(await told()).toEqual({ isAlert: true, begun: [], over: ['deadRun', 'failed'] });
	await noteEvent(storage, { ...times(), ...copy, outcome: 'succeeded' });
	await noteEvent(storage, { ...times(), action: 'prune', outcome: 'succeeded' });
	expect(await told()).toEqual({ isAlert: true, begun: [], over: ['failed', 'refused'] });
	expect(await told()).toEqual({ isAlert: false, begun: [], over: [] });
});

it('alerts once, and gives an all-clear', async () => {
	const { folder, node, storage, keys } = await reportNode();
	const parameters = { options: { ignoredNames: 'articles', unverifiedDays: 0, lowStorage: 0 } };
	const outputs = async () => await node.outputs('checkAlerts', { ...parameters, alertName: 'on call' });
	expect(await outputs()).toMatchObject([[{ state: 'good', open: 0 }], []]);
	truncateSync(join(folder, keys[0]!), 1);
	const [fine, alert] = await outputs();
	expect(fine).toEqual([]);
	// The one before it is a day old: stale to the second.
	expect(alert).toMatchObject([{ new: expect.any(Number), over: 0, newProblems: expect.any(Array) }]);
	expect(alert![0]!['text']).toContain(keys[0]);
	expect(await outputs()).toMatchObject([[{ new: 0 }], []]);
	await writeBackup(storage, 0);
	expect((await outputs())[1]).toMatchObject([
		{ subject: expect.stringMatching(/all clear: \d (is|are) over/), open: 0 },
	]);
	expect(await outputs()).toMatchObject([[{ state: 'good' }], []]);
});

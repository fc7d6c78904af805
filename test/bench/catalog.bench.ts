/**
 * The catalogue over a link: `npm run bench -- catalog [backups] [milliseconds]`, by default 20,000 backups in a bucket behind
 * 25 ms a request. Prints requests, seconds and the resident memory at its highest, of a process for each step, for lists,
 * drop-downs, finds by id and the latest, with the stored catalogue and without, reports, and a prune of a quarter. Asserts nothing.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

import { findProblems } from '../../engine';
import { findBackup, listManifests } from '../../engine/archive';
import {
	DEFAULT_TARGETS,
	metricsText,
	nextDeletions,
	overviewOf,
	readState,
	resultsOf,
	statusPage,
} from '../../engine/report';
import { prune } from '../../engine/retention';
import { S3Storage } from '../../engine/storage';

const STEPS = [
	'nothing',
	'list 50, cold',
	'list 50',
	'list all',
	'find by id',
	'latest',
	'metrics',
	'status page',
	'status page with retention',
	'dry run',
	'prune',
] as const;
type Step = (typeof STEPS)[number];
const NOW = new Date('2026-01-01T01:00:00Z');

async function work(storage: S3Storage, step: Step, count: number): Promise<string> {
	switch (step) {
		case 'nothing':
			return '';
		case 'list 50, cold':
		case 'list 50':
			return `${(await listManifests(storage, '', { limit: 50 })).backups.length} backups`;
		case 'list all':
			return `${(await listManifests(storage, 'postgres/')).backups.length} backups`;
		case 'find by id': {
			const id = `00000000-0000-4000-8000-${String(Math.floor(count / 2)).padStart(12, '0')}`;
			return (await findBackup(storage, { id }, 'postgres/')).key;
		}
		case 'latest':
			return (await findBackup(storage, { latest: 'shop7' }, 'postgres/')).key;
		case 'metrics': {
			const state = await readState(storage, { now: NOW });
			const text = await metricsText(state, findProblems(state), { targets: DEFAULT_TARGETS });
			return `${text.split('\n').length} lines`;
		}
		case 'status page with retention':
		case 'status page': {
			if (step !== 'status page') await notePolicy(storage, count);
			const state = await readState(storage, { now: NOW, forForecast: true });
			const problems = findProblems(state);
			const overview = overviewOf(state, problems, resultsOf(state));
			const next = await nextDeletions(storage, state, { now: NOW });
			return `${statusPage(state, overview, problems, { title: 'x', targets: DEFAULT_TARGETS, next }).length} characters`;
		}
		default: {
			const { totals } = await prune({
				storage,
				policy: policyFor(count),
				owner: 'bench',
				dryRun: step === 'dry run',
				now: NOW,
			});
			return `${totals.deleted} deleted`;
		}
	}
}

/** Three quarters of each series stay. */
function policyFor(count: number) {
	return { rules: { last: Math.floor((count * 3) / 4 / 50) }, maxDeletedShare: 1 };
}

/** What a prune leaves behind: the page tells by it what goes next. */
async function notePolicy(storage: S3Storage, count: number): Promise<void> {
	const policy = { policy: policyFor(count), timeZone: 'UTC', prefixes: [] };
	const note = { at: NOW.toISOString(), ...policy, refusal: null, deleted: 0, kept: count };
	await storage.replace('.stack-backup/last-prune.json', Buffer.from(JSON.stringify(note)));
}

async function measure(port: string, step: Step, count: number): Promise<void> {
	const access = { accessKeyId: 'bench', secretAccessKey: 'bench', region: 'us-east-1', bucket: 'backups' };
	const storage = new S3Storage({ endpoint: `http://127.0.0.1:${port}`, forcePathStyle: true, ...access });
	const startedAt = performance.now();
	const note = await work(storage, step, count);
	const seconds = (performance.now() - startedAt) / 1000;
	const { user, system } = process.cpuUsage();
	const megabytes = process.resourceUsage().maxRSS / 1024;
	process.send!({ seconds, processorSeconds: (user + system) / 1e6, megabytes, note });
	storage.close();
}

interface Measured {
	seconds: number;
	processorSeconds: number;
	megabytes: number;
	note: string;
}

async function messageOf<T>(child: ChildProcess): Promise<T> {
	return await new Promise((resolve, reject) => {
		const onExit = (code: number | null) => reject(new Error(`It ended with ${code}.`));
		child.once('message', (message) => {
			child.off('exit', onExit);
			resolve(message as T);
		});
		child.once('exit', onExit);
	});
}

async function main(count: number, delay: number): Promise<void> {
	const server = fork(join(__dirname, 'catalog-server.ts'), [String(delay), String(count)]);
	const { port } = await messageOf<{ port: number }>(server);
	try {
		console.log(`\nThe catalogue, ${count} backups in a bucket behind ${delay} ms a request\n`);
		console.log('| step | requests | seconds | processor seconds | memory (MB) | |');
		console.log('| --- | ---: | ---: | ---: | ---: | --- |');
		for (const step of STEPS) {
			const child = fork(__filename, [String(count), String(delay), String(port), step]);
			const { seconds, processorSeconds, megabytes, note } = await messageOf<Measured>(child);
			const counted = messageOf<{ requests: number }>(server);
			server.send('count');
			const figures = [seconds.toFixed(2), processorSeconds.toFixed(2), megabytes.toFixed(0)];
			console.log(`| ${[step, (await counted).requests, ...figures, note].join(' | ')} |`);
		}
	} finally {
		server.kill();
	}
}

const [count = '20000', delay = '25', port, step] = process.argv.slice(2);
if (port === undefined) void main(Number(count), Number(delay));
else void measure(port, step as Step, Number(count));

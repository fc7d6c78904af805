/**
 * One step of the bench of the catalogue, in a process of its own, from the built package, so that its memory can be told:
 * `catalog-run.mjs <port> <step> <backups>`. Sends seconds, CPU seconds, and resident memory at its highest.
 */
import { performance } from 'node:perf_hooks';

const [port, step, count] = process.argv.slice(2);
/** What a process without any of it takes is the base of all figures. */
const isEmpty = step === 'an empty process';
const load = async (path) => (isEmpty ? {} : (await import(`../../dist/engine/${path}index.js`)).default);
const { findBackup, listManifests } = await load('archive/');
const { findProblems, metricsText, reportOf, resultsOf, S3Storage } = await load('');
const { DEFAULT_TARGETS, nextDeletions, overviewOf, readState, statusPage } = await load('report/');
const { prune } = await load('retention/');

const NOW = new Date('2026-01-01T01:00:00Z');

async function work(storage, step, count) {
	switch (step) {
		case 'an empty process':
		case 'the engine, loaded':
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
		case 'report': {
			const state = await readState(storage, { now: NOW });
			const document = reportOf(state, findProblems(state), { targets: DEFAULT_TARGETS });
			return `${JSON.stringify(document).length} characters`;
		}
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
function policyFor(count) {
	return { rules: { last: Math.floor((count * 3) / 4 / 50) }, maxDeletedShare: 1 };
}

/** What a prune leaves behind: the page tells by it what goes next. */
async function notePolicy(storage, count) {
	const policy = { policy: policyFor(count), timeZone: 'UTC', prefixes: [] };
	const note = { at: NOW.toISOString(), ...policy, refusal: null, deleted: 0, kept: count };
	await storage.replace('.stack-backup/last-prune.json', Buffer.from(JSON.stringify(note)));
}

async function measure(port, step, count) {
	const access = isEmpty
		? undefined
		: { accessKeyId: 'bench', secretAccessKey: 'bench', region: 'us-east-1', bucket: 'backups' };
	const storage = access && new S3Storage({ endpoint: `http://127.0.0.1:${port}`, forcePathStyle: true, ...access });
	const startedAt = performance.now();
	const note = await work(storage, step, count);
	const seconds = (performance.now() - startedAt) / 1000;
	const { user, system } = process.cpuUsage();
	const megabytes = process.resourceUsage().maxRSS / 1024;
	process.send({ seconds, processorSeconds: (user + system) / 1e6, megabytes, note });
	storage?.close();
}

await measure(port, step, Number(count));

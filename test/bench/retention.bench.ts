/**
 * Retention on a folder with many manifests: `npm run bench -- retention [manifests]`, 100,000 unless told. Prints how long
 * listing takes, the catalogue with and without its cache, the plan, a whole dry run, and the newest fifty as List Backups
 * finds them: on the clock, and of the processors, which other work on the machine changes less; and the resident memory
 * at its highest, that of a process that has done nothing yet (the first line) included. Asserts nothing.
 * The peer is a plain reading of all the manifests, which is what no catalogue can do without.
 */
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { formatManifest, listManifests, manifestKeyOf, type Manifest } from '../../engine/archive';
import { planRetention, PRESETS, prune, readCatalog } from '../../engine/retention';
import { FolderStorage } from '../../engine/storage';

const NAMES = 50;
const PARTS = 20;
const HOUR_MS = 3_600_000;

interface Measure {
	step: string;
	seconds: number;
	/** Of all threads. */
	processorSeconds: number;
	note: string;
}

/** Hourly backups of fifty databases, each with twenty parts. */
function writeManifests(root: string, count: number): void {
	const hash = 'a'.repeat(64);
	const part = { type: 'data', offset: 0, length: 1000, rawLength: 9000, sha256: hash, table: 0, rows: 100 };
	mkdirSync(join(root, 'postgres'));
	for (let index = 0; index < count; index++) {
		const name = `shop${index % NAMES}`;
		const startedAt = new Date(Date.now() - Math.floor(index / NAMES) * HOUR_MS).toISOString();
		const file = `${name}_${startedAt.slice(0, 19).replace(/[-:]/g, '').replace('T', '_')}.sql.zst`;
		const manifest: Manifest = {
			formatVersion: 1,
			id: randomUUID(),
			kind: 'postgres',
			name,
			file,
			startedAt,
			finishedAt: startedAt,
			source: { system: 'postgresql', version: '18.0' },
			tool: { name: 'n8n-nodes-stack-backup', version: '0.1.0' },
			codec: { name: 'zstd' },
			encryption: null,
			size: { raw: 9000 * PARTS, compressed: 1000 * PARTS, stored: 1 },
			sha256: hash,
			parts: Array.from({ length: PARTS }, (_, number) => ({ ...part, offset: number * 1000 })),
			tables: [{ schema: 'public', name: 'orders', rows: 100 * PARTS, bytes: 9000 * PARTS }],
			counts: { rows: 100 * PARTS },
			options: {},
			warnings: [],
			tags: [],
		};
		writeFileSync(join(root, 'postgres', file), 'x');
		writeFileSync(join(root, manifestKeyOf(`postgres/${file}`)), formatManifest(manifest));
	}
}

async function timed<T>(measures: Measure[], step: string, action: () => Promise<T> | T, note: (result: T) => string) {
	const startedAt = performance.now();
	const usedBefore = process.cpuUsage();
	const result = await action();
	const seconds = (performance.now() - startedAt) / 1000;
	const { user, system } = process.cpuUsage(usedBefore);
	measures.push({ step, seconds, processorSeconds: (user + system) / 1e6, note: note(result) });
	return result;
}

function readPlainly(root: string): number {
	const folder = join(root, 'postgres');
	const files = readdirSync(folder).filter((file) => file.endsWith('.manifest.json'));
	return files.reduce(
		(sum, file) => sum + (JSON.parse(readFileSync(join(folder, file), 'utf8')) as Manifest).size.raw,
		0,
	);
}

/** In a process of its own, so that its memory can be told. */
async function measure(root: string, step: string): Promise<void> {
	const measures: Measure[] = [];
	const storage = new FolderStorage({ root });
	if (step === 'nothing') {
		await timed(
			measures,
			'nothing',
			() => undefined,
			() => '',
		);
	} else if (step === 'plain') {
		await timed(
			measures,
			'read and parse all manifests (plain loop)',
			() => readPlainly(root),
			() => '',
		);
	} else if (step === 'list') {
		const count = async () => {
			let files = 0;
			for await (const _object of storage.list('')) files++;
			return files;
		};
		await timed(measures, 'list the folder', count, (files) => `${files} files`);
	} else if (step === 'newest') {
		const newest = () => listManifests(storage, '', { limit: 50 });
		await timed(measures, 'the newest 50 backups', newest, ({ backups }) => `${backups.length} backups`);
	} else if (step === 'dry run') {
		const policy = { rules: PRESETS['7-4-12-yearly'], maxDeletedShare: 1 };
		const run = () => prune({ storage, policy, timeZone: 'Europe/Berlin', owner: 'bench', dryRun: true });
		await timed(measures, 'dry run, warm cache', run, ({ totals }) => `${totals.deleted} to delete`);
	} else {
		const read = () => readCatalog(storage, { keepCache: true });
		const catalog = await timed(
			measures,
			`catalogue, ${step} cache`,
			read,
			({ entries, manifestsRead }) => `${manifestsRead} of ${entries.length} manifests read`,
		);
		const policy = { rules: PRESETS['7-4-12-yearly'], maxDeletedShare: 1 };
		const plan = () => planRetention(catalog.entries, new Date(), policy, 'Europe/Berlin');
		await timed(measures, `plan, ${step} cache`, plan, ({ deletable }) => `${deletable.length} to delete`);
	}
	process.send!({ measures, megabytes: process.resourceUsage().maxRSS / 1024 });
}

function measured(root: string, step: string): Promise<{ measures: Measure[]; megabytes: number }> {
	return new Promise((resolve, reject) => {
		const child = fork(__filename, [root, step]);
		child.once('message', (message) => resolve(message as { measures: Measure[]; megabytes: number }));
		child.once('error', reject);
		child.once('exit', (code) => code !== 0 && reject(new Error(`It ended with ${code}.`)));
	});
}

async function main(count: number): Promise<void> {
	const root = mkdtempSync(join(tmpdir(), 'retention-bench-'));
	try {
		writeManifests(root, count);
		console.log(`\nRetention, ${count} manifests of ${NAMES} databases in a folder\n`);
		console.log('| step | seconds | processor seconds | memory (MB) | |');
		console.log('| --- | ---: | ---: | ---: | --- |');
		for (const step of ['nothing', 'plain', 'list', 'no', 'warm', 'dry run', 'newest']) {
			const { measures, megabytes } = await measured(root, step);
			for (const { step: what, seconds, processorSeconds, note } of measures) {
				const figures = [seconds.toFixed(2), processorSeconds.toFixed(2), megabytes.toFixed(0)];
				console.log(`| ${[what, ...figures, note].join(' | ')} |`);
			}
		}
	} finally {
		rmSync(root, { recursive: true, force: true });
	}
}

const [first = '100000', step] = process.argv.slice(2);
void (step === undefined ? main(Number(first)) : measure(first, step));

/**
 * The download of a snapshot beside curl, from one server in one run: `npm run bench -- qdrant [points] [rounds]`. Prints
 * medians; asserts nothing. Ours hashes, compresses and stores meanwhile, and ends when the disk has it; curl only hands its
 * bytes to the system, so it has a second turn that waits for the disk as well.
 */
import { execFile } from 'node:child_process';
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { startQdrant, type QdrantServer } from '../services/qdrant';
import { ask, at, fill } from '../services/qdrant-data';

interface Measure {
	seconds: number;
	/** Resident memory at its highest, of our process alone. */
	megabytes?: number;
	bytes: number;
}

interface Contender {
	name: string;
	run: () => Promise<Measure>;
}

const DIMENSIONS = 384;

/** Quick to send as JSON; the server normalizes the vectors, so what it stores has all its digits. */
const shortNumbers = (random: () => number) =>
	Array.from({ length: DIMENSIONS }, () => Math.round(random() * 2000 - 1000) / 1000);

function sizeBelow(folder: string): number {
	return readdirSync(folder).reduce((sum, name) => {
		const path = join(folder, name);
		const stat = lstatSync(path);
		return sum + (stat.isDirectory() ? sizeBelow(path) : stat.size);
	}, 0);
}

function ours(server: QdrantServer, folder: string, codec: string): Contender {
	return {
		name: `n8n-nodes-stack-backup, ${codec}`,
		run: async () => {
			const root = mkdtempSync(join(folder, 'ours-'));
			const script = join(__dirname, 'qdrant-run.mjs');
			const { stdout } = await promisify(execFile)(process.execPath, [script, server.url, 'bench', root, codec]);
			const measure = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Omit<Measure, 'bytes'>;
			const bytes = sizeBelow(root);
			rmSync(root, { recursive: true });
			return { ...measure, bytes };
		},
	};
}

function curl(
	server: QdrantServer,
	folder: string,
	command: (url: string, file: string) => string,
	name: string,
): Contender {
	return {
		name,
		run: async () => {
			const made = await ask<{ name: string }>(server, 'POST', at('bench', '/snapshots'));
			const path = at('bench', `/snapshots/${encodeURIComponent(made.name)}`);
			const file = join(folder, 'curl.out');
			const startedAt = performance.now();
			await promisify(execFile)('bash', ['-o', 'pipefail', '-c', command(server.url + path, file)]);
			const seconds = (performance.now() - startedAt) / 1000;
			const bytes = lstatSync(file).size;
			rmSync(file);
			await ask(server, 'DELETE', path);
			return { seconds, bytes };
		},
	};
}

/** Runs all contenders in turn, several times over, and gives the medians. */
async function compete(contenders: Contender[], rounds: number): Promise<Array<Measure & { name: string }>> {
	const results = new Map<string, Measure[]>();
	for (let round = 0; round < rounds; round++) {
		for (const { name, run } of contenders) results.set(name, [...(results.get(name) ?? []), await run()]);
	}
	return [...results].map(([name, measures]) => {
		const sorted = measures.sort((a, b) => a.seconds - b.seconds);
		return { name, ...(sorted[Math.floor(sorted.length / 2)] as Measure) };
	});
}

async function main([points = '200000', rounds = '5']: string[]): Promise<void> {
	const server = await startQdrant({ onDisk: true });
	const folder = mkdtempSync(join(tmpdir(), 'bench-'));
	try {
		// Without an index for searches, which takes minutes to build and changes nothing here.
		await ask(server, 'PUT', at('bench'), {
			vectors: { size: DIMENSIONS, distance: 'Cosine' },
			optimizers_config: { indexing_threshold: 0 },
		});
		await fill(server, 'bench', { vector: shortNumbers }, { count: Number(points), batch: 2000 });
		while ((await ask<{ status: string }>(server, 'GET', at('bench'))).status !== 'green') await sleep(500);
		const results = await compete(
			[
				curl(server, folder, (url, file) => `curl -sSf -o ${file} '${url}'`, 'curl'),
				curl(server, folder, (url, file) => `curl -sSf -o ${file} '${url}' && sync ${file}`, 'curl, then sync'),
				curl(server, folder, (url, file) => `curl -sSf '${url}' | zstd -3 -q -f -o ${file}`, 'curl | zstd -3'),
				...['none', 'zstd', 'gzip'].map((codec) => ours(server, folder, codec)),
			],
			Number(rounds),
		);
		const best = results[0]?.seconds ?? 1;
		console.log(`Download of a snapshot of ${points} points of ${DIMENSIONS} dimensions, median of ${rounds}.`);
		console.table(
			results.map(({ name, seconds, bytes, megabytes }) => ({
				name,
				seconds: Number(seconds.toFixed(2)),
				'time to curl': Number((seconds / best).toFixed(2)),
				'size MB': Math.round(bytes / 1e6),
				'resident MB': megabytes === undefined ? '' : Math.round(megabytes),
			})),
		);
	} finally {
		await server.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}

void main(process.argv.slice(2));

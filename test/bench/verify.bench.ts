/**
 * Verification of a dump in a folder: `npm run bench -- verify [raw megabytes]`, 1,000 unless told. Prints how long the levels
 * `integrity` and `content` take, and the resident memory at its highest; then how fast rows are digested, by which a test
 * restore compares tables. Asserts nothing. The peers are the stock tools that look at the same bytes: sha256sum and then
 * zstd -t (or gzip -t); both have to be on the PATH.
 */
import { execFileSync, fork } from 'node:child_process';
import { appendFileSync, createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createArchive, type CodecName } from '../../engine/archive';
import { RowDigest } from '../../engine/postgres/verify/digest';
import { FolderStorage } from '../../engine/storage';
import { verifyBackup } from '../../engine';

const FRAME_BYTES = 8 * 1024 * 1024;
const PASSPHRASE = 'of the benchmark';

interface Measure {
	seconds: number;
	megabytes: number;
}

/** Rows of a table of orders: numbers, times, states, a little text. */
function rowsOf(frame: number): { rows: number; content: Buffer } {
	const lines: string[] = [];
	let bytes = 0;
	for (let row = 0; bytes < FRAME_BYTES - 200; row++) {
		const id = frame * 1_000_000 + row;
		const price = ((id * 7919) % 100_000) / 100;
		const day = String((id % 28) + 1).padStart(2, '0');
		const text = (Math.imul(id, 2_654_435_761) >>> 0).toString(36).repeat((id % 5) + 1);
		const line = `${id}\tcustomer ${id % 9973}\t2026-01-${day} 12:00:00+00\t${price}\topen\t${text}`;
		lines.push(line);
		bytes += line.length + 1;
	}
	const text = `COPY public.orders (id, customer, at, price, state, note) FROM stdin;\n${lines.join('\n')}\n\\.\n`;
	return { rows: lines.length, content: Buffer.from(text) };
}

async function makeDump(storage: FolderStorage, megabytes: number, codec: CodecName, isEncrypted: boolean) {
	const writer = await createArchive({
		storage,
		folder: 'postgres',
		name: `${codec}${isEncrypted ? '-encrypted' : ''}`,
		extension: 'sql',
		kind: 'postgres',
		codec: { name: codec },
		...(isEncrypted && { encryption: { passphrase: PASSPHRASE } }),
	});
	const table = { schema: 'public', name: 'orders', rows: 0, bytes: 0 };
	await writer.frame({ type: 'pre-data' }, Buffer.from('--\n-- PostgreSQL database dump\n--\n\nSELECT 1;\n'));
	await writer.drain();
	for (let frame = 0; frame * FRAME_BYTES < megabytes * 1e6; frame++) {
		const { rows, content } = rowsOf(frame);
		table.rows += rows;
		table.bytes += content.length - content.indexOf(10) - 1 - '\\.\n'.length;
		await writer.frame({ type: 'data', table: 0, rows }, content);
	}
	await writer.drain();
	await writer.frame({ type: 'post-data' }, Buffer.from('--\n-- PostgreSQL database dump complete\n--\n'));
	return await writer.commit({
		source: { system: 'postgresql', version: '18.0' },
		tables: [table],
		counts: { tables: 1, rows: table.rows },
	});
}

/** In a process of its own, so that its memory can be told. */
async function measure(root: string, file: string, level: string): Promise<void> {
	const startedAt = performance.now();
	const { verdict, findings } = await verifyBackup({
		storage: new FolderStorage({ root }),
		key: `postgres/${file}`,
		level: level as 'content',
		keys: { passphrase: PASSPHRASE },
	});
	if (verdict !== 'passed') throw new Error(JSON.stringify(findings));
	const seconds = (performance.now() - startedAt) / 1000;
	process.send!({ seconds, megabytes: process.resourceUsage().maxRSS / 1024 });
}

function measured(...args: string[]): Promise<Measure> {
	return new Promise((resolve, reject) => {
		const child = fork(__filename, args);
		child.once('message', (message) => resolve(message as Measure));
		child.once('error', reject);
		child.once('exit', (code) => code !== 0 && reject(new Error(`It ended with ${code}.`)));
	});
}

function timed(command: string, ...args: string[]): number {
	const startedAt = performance.now();
	execFileSync(command, args, { stdio: 'ignore' });
	return (performance.now() - startedAt) / 1000;
}

/** The digest that a test restore makes of every table, twice: of the archive's rows, and of those that came out. */
async function digestRows(root: string, megabytes: number): Promise<void> {
	const path = join(root, 'rows');
	let bytes = 0;
	for (let frame = 0; bytes < megabytes * 1e6; frame++) {
		const { content } = rowsOf(frame);
		const rows = content.subarray(content.indexOf(10) + 1, -'\\.\n'.length);
		appendFileSync(path, rows);
		bytes += rows.length;
	}
	const digest = new RowDigest();
	const startedAt = performance.now();
	for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) digest.push(chunk as Buffer);
	const digesting = (performance.now() - startedAt) / 1000;
	const hashing = timed('sha256sum', path);
	console.log(`\n${digest.rows} rows of a table, ${(bytes / 1e6).toFixed(0)} MB\n`);
	console.log('| what | seconds | MB/s | rows/s |');
	console.log('| --- | ---: | ---: | ---: |');
	for (const [what, seconds] of Object.entries({ 'digest of the rows': digesting, sha256sum: hashing })) {
		const [speed, rows] = [bytes / 1e6 / seconds, digest.rows / seconds].map((number) => number.toFixed(0));
		console.log(`| ${what} | ${seconds.toFixed(2)} | ${speed} | ${rows} |`);
	}
}

const TESTS: Record<CodecName, string | undefined> = { zstd: 'zstd', gzip: 'gzip', none: undefined };

async function main(megabytes: number): Promise<void> {
	const root = mkdtempSync(join(tmpdir(), 'verify-bench-'));
	const storage = new FolderStorage({ root });
	try {
		console.log(`\nVerification of a dump of ${megabytes} MB in a folder\n`);
		console.log('| archive | what | seconds | raw MB/s | stored MB/s | memory (MB) |');
		console.log('| --- | --- | ---: | ---: | ---: | ---: |');
		for (const [codec, isEncrypted] of [
			['zstd', false],
			['gzip', false],
			['none', false],
			['zstd', true],
		] as const) {
			const { file, size } = await makeDump(storage, megabytes, codec, isEncrypted);
			const show = (what: string, seconds: number, memory = '') =>
				console.log(
					`| ${codec}${isEncrypted ? ', encrypted' : ''} | ${what} | ${seconds.toFixed(2)} | ` +
						`${(size.raw / 1e6 / seconds).toFixed(0)} | ${(size.stored / 1e6 / seconds).toFixed(0)} | ${memory} |`,
				);
			const path = join(root, 'postgres', file);
			const hashing = timed('sha256sum', path);
			const tool = isEncrypted ? undefined : TESTS[codec];
			show(tool ? `sha256sum, then ${tool} -t` : 'sha256sum', hashing + (tool ? timed(tool, '-t', path) : 0));
			for (const level of ['integrity', 'content']) {
				const { seconds, megabytes: memory } = await measured(root, file, level);
				show(`level ${level}`, seconds, memory.toFixed(0));
			}
			rmSync(path);
		}
		await digestRows(root, megabytes);
	} finally {
		rmSync(root, { recursive: true, force: true });
	}
}

const [first = '1000', file, level = ''] = process.argv.slice(2);
void (file === undefined ? main(Number(first)) : measure(first, file, level));

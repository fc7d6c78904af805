import { hash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { planTakeIn, takeInWal } from '../../../../engine/postgres/physical/wal';
import { FolderStorage } from '../../../../engine/storage';
import { temporaryFolder } from '../../../services/guard';
import { startPostgres, type PostgresServer } from '../../../services/postgres';
import { eventsIn, storedSegments } from './stored-wal';

let server: PostgresServer;
/** Whole segments of the server, by name, in order. */
let segments: [string, Buffer][];

beforeAll(async () => {
	server = await startPostgres({ version: 18, config: { synchronous_commit: 'on', wal_keep_size: '1GB' } });
	await server.query('postgres', 'CREATE TABLE rows (id int)');
	for (let index = 0; index < 5; index++) {
		await server.query('postgres', `INSERT INTO rows VALUES (${index})`);
		await server.query('postgres', 'SELECT pg_switch_wal()');
	}
	const folder = join(server.dataDir, 'pg_wal');
	const names = readdirSync(folder).filter((name) => /^[0-9A-F]{24}$/.test(name));
	segments = names
		.sort()
		.slice(0, 5)
		.map((name) => [name, readFileSync(join(folder, name))]);
});
afterAll(() => server?.stop());

/** A folder as an archive_command fills it. */
function archived(files: [string, Buffer][]) {
	const root = temporaryFolder('archived');
	mkdirSync(join(root, 'incoming'));
	for (const [name, content] of files) writeFileSync(join(root, 'incoming', name), content);
	return { root, files: new FolderStorage({ root }), prefix: 'incoming/' };
}

/** Of sixteen megabytes each, which a comparison byte by byte takes long for. */
const hashesOf = (files: Iterable<[string, Buffer]>) =>
	Array.from(files, ([name, content]) => [name, hash('sha256', content)]);

const storageFor = () => new FolderStorage({ root: temporaryFolder('taken-in') });
const takeIn = (storage: FolderStorage, from: Pick<ReturnType<typeof archived>, 'files' | 'prefix'>) =>
	takeInWal({ storage, codec: { name: 'zstd' }, name: 'main', files: from.files, prefix: from.prefix });
const planned = (storage: FolderStorage, from: Pick<ReturnType<typeof archived>, 'files' | 'prefix'>) =>
	planTakeIn({ storage, codec: { name: 'zstd' }, name: 'main', files: from.files, prefix: from.prefix });

describe('segments that an archive_command has left', () => {
	it('are stored to the byte, whatever they were compressed with, and each once', async () => {
		const [one, two, three, four] = segments;
		const from = archived([
			one!,
			[`${two![0]}.gz`, gzipSync(two![1])],
			[`${three![0]}.zst`, zstdCompressSync(three![1])],
			['backup_label.old', Buffer.from('x')],
		]);
		const storage = storageFor();
		const first = await takeIn(storage, from);
		expect(first).toMatchObject({ segments: 3, known: 0, stored: [{ kind: 'postgres-wal', counts: { segments: 3 } }] });
		expect(hashesOf(await storedSegments(storage))).toEqual(hashesOf(segments.slice(0, 3)));
		copyFileSync(join(server.dataDir, 'pg_wal', four![0]), join(from.root, 'incoming', four![0]));
		const second = await takeIn(storage, from);
		expect(second).toMatchObject({ segments: 4, known: 3, stored: [{ counts: { segments: 1 } }] });
		expect(second.coverage.intervals.get(1)).toHaveLength(1);
		expect(eventsIn(await storedSegments(storage)).length).toBeGreaterThan(3);
		expect((await takeIn(storage, from)).stored).toEqual([]);
	});

	it('are taken in on both sides of one that is missing, which shows as a gap', async () => {
		const { stored, coverage } = await takeIn(storageFor(), archived([...segments.slice(0, 2), ...segments.slice(3)]));
		expect(stored).toHaveLength(2);
		expect(coverage.intervals.get(1)).toHaveLength(2);
	});

	it('are refused where they are damaged, cut or of another cluster; those before and behind are stored', async () => {
		const [one, two, three, four, five] = segments;
		const changed = Buffer.from(two![1]);
		// Of the first record, for the switch soon leaves the rest of the segment unused.
		changed[70]! ^= 1;
		const foreign = Buffer.from(four![1]);
		foreign[24]! ^= 1;
		const cut: [string, Buffer] = [five![0], five![1].subarray(0, 100_000)];
		const storage = storageFor();
		const from = archived([one!, [two![0], changed], three!, [four![0], foreign], cut]);
		const report = await takeIn(storage, from);
		expect(report.refused.map(({ reason }) => reason.message)).toEqual([
			expect.stringContaining(`incoming/${two![0]} is damaged: it holds`),
			expect.stringMatching(`incoming/${four![0]} is of another cluster, \\d+ and not ${report.systemIdentifier}`),
		]);
		expect(report.unfinished).toEqual([`incoming/${five![0]}`]);
		expect([...(await storedSegments(storage)).keys()]).toEqual([one![0], three![0]]);
		writeFileSync(join(from.root, 'incoming', two![0]), two![1]);
		const again = await takeIn(storage, from);
		expect([again.known, again.stored, again.refused]).toMatchObject([2, [{ counts: { segments: 1 } }], [{}]]);
	});

	it('are told where they cannot be read, and passed over where they are not needed', async () => {
		const [one, two] = segments;
		const others: [string, Buffer][] = [`${two![0]}.lz4`, `${two![0]}.partial`, `${one![0]}.00000028.backup`].map(
			(name) => [name, Buffer.from('x')],
		);
		const plan = await planned(storageFor(), archived([one!, ...others]));
		const missing = [`incoming/${one![0]}`];
		expect(plan).toMatchObject({ name: 'main', missing, unreadable: [`incoming/${two![0]}.lz4`] });
		await expect(takeIn(storageFor(), archived(others))).rejects.toMatchObject({
			code: 'INVALID_INPUT',
			message: expect.stringContaining('cannot be read here'),
		});
		await expect(takeIn(storageFor(), archived([]))).rejects.toMatchObject({ code: 'INVALID_INPUT' });
	});

	it('are of the cluster that was asked for, by what its backups are called or by its identifier', async () => {
		const from = archived([segments[0]!]);
		const storage = storageFor();
		const nameless = { files: from.files, prefix: from.prefix, storage, codec: { name: 'zstd' } as const };
		await expect(takeInWal({ ...nameless, cluster: '1234567890123456789' })).rejects.toMatchObject({
			message: expect.stringMatching(/of another cluster, \d+ and not 1234567890123456789/),
		});
		await expect(takeInWal({ ...nameless, cluster: 'main' })).rejects.toMatchObject({
			message: 'The storage holds physical backups of no cluster with the name "main".',
		});
		const first = await takeInWal(nameless);
		expect(first.name).toBe(`cluster_${first.systemIdentifier}`);
		expect(await takeInWal({ ...nameless, cluster: first.name })).toMatchObject({ name: first.name, known: 1 });
	});
});

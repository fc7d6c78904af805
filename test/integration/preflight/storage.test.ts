import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createArchive, type EncryptionKeys, readManifest } from '../../../engine/archive';
import { checkStorage, type SetupFinding } from '../../../engine/preflight';
import { FolderStorage, S3Storage, type Storage, type StorageFeatures } from '../../../engine/storage';
import { temporaryFolder } from '../../services/guard';
import { asNewer } from '../../services/newer-manifest';
import type { S3Server } from '../../services/s3/server';
import { startS3rver } from '../../services/s3/s3rver';
import { optionsFor } from '../storage/s3-under-test';

const bad = (findings: readonly SetupFinding[]) =>
	// Where temporary folders lie in memory, or in a container, that is told.
	findings.filter(({ level, what }) => level !== 'ok' && !/^The folder lies in/.test(what));

const check = (storage: Storage, more: Partial<Parameters<typeof checkStorage>[0]> = {}) =>
	checkStorage({ storage, keys: undefined, ...more });

function folder() {
	const root = join(temporaryFolder('preflight'), 'backups');
	mkdirSync(root);
	return { root, storage: new FolderStorage({ root }), files: () => filesIn(root) };
}

function filesIn(root: string): string[] {
	const entries = readdirSync(root, { recursive: true, withFileTypes: true });
	return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
}

/** A backup that began at some time. */
async function stored(storage: Storage, at: string, encryption?: EncryptionKeys): Promise<void> {
	const writer = await createArchive({
		storage,
		kind: 'postgres',
		name: 'shop',
		folder: 'postgres',
		extension: 'sql',
		codec: { name: 'none' },
		startedAt: new Date(at),
		...(encryption && { encryption }),
	});
	await writer.frame({ type: 'pre-data' }, Buffer.from('SELECT 1;\n'));
	await writer.commit({ source: { system: 'postgresql', version: '18.0', host: 'db', port: 5432 }, counts: {} });
}

it('tells of backups that take nearly as long as n8n lets an execution take, or longer, until it lets them', async () => {
	const { root, storage } = folder();
	await stored(storage, '2026-01-30T02:00:00Z');
	const [name = ''] = filesIn(root).filter((file) => file.endsWith('.manifest.json'));
	const path = join(root, 'postgres', name);
	const { manifest } = await readManifest(storage, `postgres/${name}`);
	const finishedAt = new Date(Date.parse(manifest.startedAt) + 2000_000).toISOString();
	writeFileSync(path, asNewer(manifest, { finishedAt }));
	const remedy = 'Let it.';
	const levels = async (seconds: number | undefined) => {
		const limit = seconds === undefined ? undefined : { seconds, remedy };
		const findings = await check(storage, { limit });
		return findings.filter((one) => one.check === 'Execution Timeout');
	};
	expect(await levels(1800)).toMatchObject([{ level: 'problem', about: 'shop', remedy, affects: 'backup' }]);
	expect((await levels(1800))[0]!.what).toContain('has taken 2000 s, and n8n ends each execution after 1800 s');
	expect(await levels(3600)).toMatchObject([{ level: 'warning' }]);
	expect(await levels(7200)).toEqual([]);
	expect(await levels(undefined)).toEqual([]);
});

describe('a folder', () => {
	it('is found good, and nothing stays in it', async () => {
		const { storage, files } = folder();
		const findings = await check(storage);
		expect(bad(findings)).toEqual([]);
		expect(findings.map(({ check: name }) => name)).toEqual(
			expect.arrayContaining(['Storage', 'Storage Features', 'Clock', 'Room']),
		);
		expect(files()).toEqual([]);
	});

	it('that was not there is told, for another one may be meant', async () => {
		const { root } = folder();
		const [told, ...others] = bad(await check(new FolderStorage({ root: join(root, 'typo') })));
		expect(told).toMatchObject({ check: 'Storage', level: 'warning', what: expect.stringMatching(/did not exist/) });
		expect(others).toEqual([]);
	});

	it('that cannot be written is a problem', async () => {
		const { root } = folder();
		writeFileSync(join(root, 'file'), '');
		const findings = await check(new FolderStorage({ root: join(root, 'file') }));
		expect(findings).toMatchObject([
			{ check: 'Storage', level: 'problem', remedy: expect.stringMatching(/path of a folder/) },
		]);
	});

	it('with too little room for what is backed up is told, with what to do', async () => {
		const { storage } = folder();
		const free = await storage.freeBytes();
		expect(bad(await check(storage, { sourceBytes: free + 1e9 }))).toMatchObject([
			{ check: 'Room', level: 'warning', remedy: expect.stringMatching(/Prune Retention/) },
		]);
		await stored(storage, '2026-01-01T00:00:00Z');
		storage.freeBytes = () => Promise.resolve(5);
		expect(bad(await check(storage))).toMatchObject([
			{ check: 'Room', level: 'problem', what: expect.stringMatching(/5 bytes are free/) },
		]);
	});

	it.each<[StorageFeatures, RegExp]>([
		[{ caseSensitive: false }, /option Folder/],
		[{ createOnly: false }, /Let one n8n alone/],
		[{ uploads: true }, /s3:ListBucketMultipartUploads/],
	])('that can do %o is told with what to do', async (features, remedy) => {
		const { storage } = folder();
		storage.features = () => Promise.resolve(features);
		expect(bad(await check(storage))).toMatchObject([{ level: 'warning', remedy: expect.stringMatching(remedy) }]);
	});

	it.each<[StorageFeatures, RegExp]>([
		[{ isFleeting: 'container' }, /Mount a volume/],
		[{ isFleeting: 'memory' }, /folder on a disk/],
	])('that does not outlast a restart (%o) is told', async (features, remedy) => {
		const { storage } = folder();
		storage.features = () => Promise.resolve(features);
		const findings = (await check(storage)).filter(({ level }) => level !== 'ok');
		expect(findings).toMatchObject([{ level: 'warning', remedy: expect.stringMatching(remedy) }]);
	});

	it('whose clock is another one is told', async () => {
		const { storage } = folder();
		const stat = storage.stat.bind(storage);
		storage.stat = async (key: string) => {
			const found = await stat(key);
			return found && { ...found, modifiedAt: new Date(found.modifiedAt.getTime() + 10 * 60_000) };
		};
		expect(bad(await check(storage))).toMatchObject([
			{
				check: 'Clock',
				what: 'The clock of n8n is 10 minutes behind its clock.',
				remedy: expect.stringMatching(/NTP/),
			},
		]);
	});

	it('gets rid of what a check that was killed has left, after a day', async () => {
		const { root, storage, files } = folder();
		mkdirSync(join(root, '.stack-backup'));
		for (const [name, days] of [
			['setup-check-old', 2],
			['setup-check-new', 0],
			['catalog.jsonl.gz', 2],
		] as const) {
			writeFileSync(join(root, '.stack-backup', name), '');
			const at = new Date(Date.now() - days * 86_400_000);
			utimesSync(join(root, '.stack-backup', name), at, at);
		}
		await check(storage);
		expect(files()).toEqual(expect.arrayContaining(['setup-check-new', 'catalog.jsonl.gz']));
		expect(files()).not.toContain('setup-check-old');
	});
});

describe('the backups that there are', () => {
	it('tell of a schedule that none has followed, and of one that was', async () => {
		const { storage } = folder();
		for (const day of [1, 2, 3, 4, 5]) await stored(storage, `2026-01-0${day}T02:00:00Z`);
		const at = async (now: string) => bad(await check(storage, { now: new Date(now) }));
		expect(await at('2026-01-06T04:00:00Z')).toEqual([]);
		expect(await at('2026-01-07T04:00:00Z')).toMatchObject([
			{
				check: 'Schedule',
				about: 'shop',
				what: 'Backups (postgres) were made every 24 hours, and there is none since 2026-01-05T02:00:00.000Z.',
			},
		]);
		expect(bad(await check(storage, { kinds: ['qdrant'], now: new Date('2026-01-07T04:00:00Z') }))).toEqual([]);
	});

	it('tell whether the credential opens them', async () => {
		const { storage } = folder();
		await stored(storage, '2026-01-01T00:00:00Z', { passphrase: 'right horse' });
		const opening = async (keys: Parameters<typeof checkStorage>[0]['keys']) =>
			(await check(storage, { keys })).filter(({ check: name }) => name === 'Opens Backups').map(({ level }) => level);
		expect(await opening({ passphrase: 'right horse' })).toEqual(['ok']);
		expect(await opening({ passphrase: 'wrong horse' })).toEqual(['problem']);
		expect(await opening(undefined)).toEqual(['warning']);
	});
});

describe('a bucket', () => {
	let server: S3Server;
	beforeAll(async () => {
		server = await startS3rver();
	});
	afterAll(() => server?.stop());

	const keysIn = async (bucket: string) => {
		const keys: string[] = [];
		for await (const { name } of server.client.listObjectsV2(bucket, '', true)) keys.push(name);
		return keys;
	};

	it('is tried, what it lacks is told, and nothing stays in it', async () => {
		const bucket = await server.createBucket();
		const storage = new S3Storage(optionsFor(server, bucket));
		const findings = await check(storage);
		// s3rver, which stands for servers that lack much, heeds no condition.
		expect(bad(findings).map(({ check: name, level }) => `${name}: ${level}`)).toEqual(['Storage Features: warning']);
		expect(bad(findings)[0]?.what).toContain('If-None-Match');
		expect(await keysIn(bucket)).toEqual([]);
		storage.close();
	});

	it('that is not there, or not ours, is a problem that names what to do', async () => {
		const storage = new S3Storage(optionsFor(server, 'no-such-bucket'));
		expect(await check(storage)).toMatchObject([
			{ check: 'Storage', level: 'problem', what: expect.stringMatching(/no-such-bucket/) },
		]);
		storage.close();
	});

	it('has nothing of ours in it after a cancel', async () => {
		const bucket = await server.createBucket();
		const controller = new AbortController();
		const storage = new S3Storage(optionsFor(server, bucket));
		const features = storage.features.bind(storage);
		storage.features = async (scratch, signal) => {
			const trying = features(scratch, signal);
			while ((await keysIn(bucket)).length === 0) await new Promise(setImmediate);
			controller.abort();
			return await trying;
		};
		await expect(check(storage, { signal: controller.signal })).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(await keysIn(bucket)).toEqual([]);
		storage.close();
	});
});

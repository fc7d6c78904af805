import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { backUpDatabase, backUpGlobals, type PostgresScratch } from '../../../engine/postgres';
import { withClient } from '../../../engine/postgres/connection';
import { backUpCollections, type BackUpCollectionsOptions, backUpStorage } from '../../../engine/qdrant';
import type { FolderStorage } from '../../../engine/storage';
import { drill } from '../../../engine';
import { startPostgres } from '../../services/postgres';
import { startQdrant, type QdrantServer } from '../../services/qdrant';
import { ask, createPlain } from '../../services/qdrant-data';
import { connectionTo as connectionToPostgres } from '../postgres/engine/support';
import { connectionTo, failure, temporaryStorage } from '../qdrant/support';

let server: QdrantServer;
let scratch: QdrantServer;

beforeAll(async () => {
	[server, scratch] = await Promise.all([startQdrant(), startQdrant()]);
	await createPlain(server, 'docs', 300);
	await createPlain(server, 'chats', 200);
});
afterAll(async () => {
	await Promise.all([server?.stop(), scratch?.stop()]);
});

async function run(storage: FolderStorage, runId: string, more: Partial<BackUpCollectionsOptions> = {}) {
	const { failures } = await backUpCollections({
		connection: connectionTo(server),
		storage,
		codec: { name: 'zstd' },
		runId,
		...more,
	});
	expect(failures).toEqual([]);
}

const targets = () => ({ qdrant: { connection: connectionTo(scratch) } });

async function leftBehind(): Promise<unknown> {
	return await ask(scratch, 'GET', '/collections');
}

describe('a drill', () => {
	it('restores the newest complete run, measures, and leaves nothing behind', async () => {
		const { storage } = temporaryStorage();
		await run(storage, 'first');
		await run(storage, 'second');
		await run(storage, 'third', { selection: { names: ['docs'] } });
		const heard: string[] = [];
		const onVerified = ({ key }: { key: string }) => void heard.push(key);
		const report = await drill({ storage, prefixes: ['qdrant/', ''], scratch: targets(), onVerified });
		expect(JSON.parse(JSON.stringify(report))).toEqual(report);
		expect(report).toMatchObject({ verdict: 'passed', runId: 'second', gaps: [] });
		expect(report.backups).toMatchObject([
			{ kind: 'qdrant', name: 'chats', verdict: 'passed', reached: 'restore', findings: [] },
			{ kind: 'qdrant', name: 'docs', verdict: 'passed', reached: 'restore', findings: [] },
		]);
		expect(heard).toEqual(report.backups.map(({ key }) => key));
		const [chats, docs] = report.backups.map(({ restoreTime }) => restoreTime!) as [number, number];
		expect(report.systems).toEqual([
			{
				kind: 'qdrant',
				backups: 2,
				verdict: 'passed',
				recoveryTime: chats + docs,
				recoveryPoint: report.recoveryPoint,
			},
		]);
		expect(report.recoveryTime).toEqual({ sequential: chats + docs, parallel: chats + docs });
		const begun = report.backups.map(({ startedAt }) => new Date(startedAt).getTime());
		expect(report.spread).toBe(Math.max(...begun) - Math.min(...begun));
		expect(report.recoveryPoint).toBe(new Date(report.startedAt).getTime() - Math.min(...begun));
		expect(await leftBehind()).toEqual({ collections: [] });
	});

	it('takes all systems of a stack together, each as far as it can be tried', async () => {
		const { storage } = temporaryStorage();
		const postgres = await startPostgres({ version: 18 });
		try {
			const connection = { ...connectionToPostgres(postgres, 'postgres') };
			await withClient(connection, 'source', {}, async (client) => {
				await client.query('CREATE TABLE users AS SELECT id, md5(id::text) AS name FROM generate_series(1, 500) id');
			});
			const common = { storage, codec: { name: 'zstd' as const }, runId: 'night' };
			await backUpDatabase({ ...common, connection });
			await backUpGlobals({ ...common, connection });
			await run(storage, 'night');
			await backUpStorage({ ...common, connection: connectionTo(server) });
		} finally {
			await postgres.stop();
		}
		const inProcess = { type: 'inProcess' as const, maxRawBytes: 10_000_000 };
		const assertions = ['SELECT count(*) = 500 FROM users'];
		const report = await drill({ storage, scratch: { ...targets(), postgres: { ...inProcess, assertions } } });
		expect(report.backups.map(({ kind, name, requested, verdict }) => [kind, name, requested, verdict])).toEqual([
			['postgres', 'postgres', 'restore', 'passed'],
			['postgres-globals', 'globals', 'restore', 'passed'],
			['qdrant', 'chats', 'restore', 'passed'],
			['qdrant', 'docs', 'restore', 'passed'],
			['qdrant-storage', 'storage', 'content', 'passed'],
		]);
		expect(report.backups.map(({ notRestored }) => notRestored)).toEqual([null, null, null, null, 'noWay']);
		expect(report).toMatchObject({ verdict: 'passedInPart', runId: 'night', gaps: [] });
		const times = report.systems.map(({ recoveryTime }) => recoveryTime);
		expect(times.map((time) => time === null)).toEqual([false, false, false, true]);
		const restored = times.filter((time) => time !== null);
		const { sequential, parallel } = report.recoveryTime;
		expect([sequential, parallel]).toEqual([restored.reduce((sum, time) => sum + time), Math.max(...restored)]);

		// Without a server, and where the database is too large, what is left is restored; the rest is read.
		const small = { ...inProcess, maxRawBytes: 1000 };
		const least = await drill({ storage, scratch: { postgres: small } });
		expect(least.backups.map(({ name, reached, notRestored }) => [name, reached, notRestored])).toEqual([
			['postgres', 'content', 'tooLarge'],
			['globals', 'restore', null],
			['chats', 'content', 'noPlace'],
			['docs', 'content', 'noPlace'],
			['storage', 'content', 'noWay'],
		]);
		expect(least.systems.map(({ kind, verdict }) => [kind, verdict])).toEqual([
			['postgres', 'incomplete'],
			['postgres-globals', 'passed'],
			['qdrant', 'passedInPart'],
			['qdrant-storage', 'passedInPart'],
		]);
		expect(least).toMatchObject({
			verdict: 'incomplete',
			recoveryTime: { sequential: least.backups[1]!.restoreTime },
		});
		expect(least.backups.map(({ assertionsNotRun }) => assertionsNotRun.length)).toEqual([0, 0, 0, 0, 0]);
		expect(await drill({ storage, scratch: { postgres: inProcess } })).toMatchObject({ verdict: 'passedInPart' });
		// Roles alone bring nothing back.
		const kinds = ['postgres-globals', 'qdrant'] as const;
		const roles = await drill({ storage, kinds, scratch: { postgres: inProcess } });
		expect(roles.backups).toMatchObject([
			{ notRestored: null },
			{ notRestored: 'noPlace' },
			{ notRestored: 'noPlace' },
		]);
		expect(roles.verdict).toBe('incomplete');
		const without = await drill({ storage, scratch: { postgres: { ...inProcess, available: () => 300_000_000 } } });
		expect(without.backups.slice(0, 2)).toMatchObject([{ notRestored: 'noMemory' }, { notRestored: 'noMemory' }]);
		expect(without).toMatchObject({ verdict: 'incomplete', recoveryTime: { sequential: null, parallel: null } });
	});

	it('is incomplete where a database is not restored and was to be asked something', async () => {
		const { storage } = temporaryStorage();
		const postgres = await startPostgres({ version: 18 });
		try {
			const common = { storage, codec: { name: 'zstd' as const }, runId: 'night' };
			await backUpDatabase({ ...common, connection: connectionToPostgres(postgres, 'postgres') });
			await run(storage, 'night', { selection: { names: ['docs'] } });
		} finally {
			await postgres.stop();
		}
		expect(await drill({ storage, scratch: targets() })).toMatchObject({ verdict: 'passedInPart' });
		const small: PostgresScratch = { type: 'inProcess', maxRawBytes: 1, assertions: ['SELECT false'] };
		const asked = await drill({ storage, scratch: { ...targets(), postgres: small } });
		expect(asked).toMatchObject({
			verdict: 'incomplete',
			backups: [
				{ name: 'postgres', notRestored: 'tooLarge', assertionsNotRun: ['SELECT false'] },
				{ name: 'docs', notRestored: null, assertionsNotRun: [] },
			],
			systems: [
				{ kind: 'postgres', verdict: 'incomplete' },
				{ kind: 'qdrant', verdict: 'passed' },
			],
		});
	});

	it('fails for a backup that is bad, and still tries the others', async () => {
		const { storage, root } = temporaryStorage();
		await run(storage, 'only');
		const folder = join(root, 'qdrant');
		const file = readdirSync(folder).find((name) => /^chats.*\.zst$/.test(name))!;
		const bytes = readFileSync(join(folder, file));
		bytes[Math.floor(bytes.length / 2)]! ^= 1;
		rmSync(join(folder, file));
		writeFileSync(join(folder, file), bytes);
		const report = await drill({ storage, scratch: targets() });
		expect(report).toMatchObject({
			verdict: 'failed',
			backups: [
				{ name: 'chats', verdict: 'failed', reached: null, restoreTime: null },
				{ name: 'docs', verdict: 'passed' },
			],
			systems: [{ kind: 'qdrant', verdict: 'failed', recoveryTime: null }],
			recoveryTime: { sequential: null, parallel: null },
		});
		expect(report.backups[0]!.findings[0]).toMatchObject({ severity: 'error', code: 'ARCHIVE_CORRUPT' });
	});

	it('fails where nothing, or nothing young enough, was backed up', async () => {
		const { storage } = temporaryStorage();
		expect(await drill({ storage, scratch: targets() })).toMatchObject({
			verdict: 'failed',
			backups: [],
			gaps: [{ reason: 'none' }],
			recoveryTime: { sequential: null, parallel: null },
			recoveryPoint: null,
			spread: null,
		});
		await run(storage, 'only');
		const report = await drill({ storage, scratch: targets(), maxAgeHours: 0, kinds: ['qdrant'] });
		expect(report.verdict).toBe('failed');
		expect(report.gaps).toMatchObject([
			{ reason: 'outdated', name: 'docs' },
			{ reason: 'outdated', name: 'chats' },
		]);
		expect(report.backups).toMatchObject([{ verdict: 'passed' }, { verdict: 'passed' }]);
	});

	it('is incomplete without a key, or without a server that could be reached', async () => {
		const { storage } = temporaryStorage();
		await run(storage, 'only', { encryption: { passphrase: 'sesame' }, selection: { names: ['docs'] } });
		expect(await drill({ storage, scratch: targets() })).toMatchObject({
			verdict: 'incomplete',
			backups: [{ verdict: 'incomplete', findings: [{ severity: 'inconclusive', code: 'KEY_MISSING' }] }],
		});
		const keys = { passphrase: 'sesame' };
		const nowhere = { qdrant: { connection: { url: 'http://127.0.0.1:9' } } };
		const unreachable = await drill({ storage, keys, scratch: nowhere });
		expect(unreachable).toMatchObject({
			verdict: 'incomplete',
			backups: [{ verdict: 'incomplete', reached: 'content', findings: [{ code: 'TARGET_UNREACHABLE' }] }],
			recoveryTime: { sequential: null },
		});
		expect(await drill({ storage, keys, scratch: {} })).toMatchObject({ verdict: 'incomplete' });
		expect(await drill({ storage, keys, scratch: targets() })).toMatchObject({ verdict: 'passed' });
	});

	it('ends with a cancel, and leaves nothing behind', async () => {
		const { storage } = temporaryStorage();
		await run(storage, 'only');
		const controller = new AbortController();
		const onVerified = () => controller.abort();
		await failure(drill({ storage, scratch: targets(), onVerified, signal: controller.signal }), 'CANCELLED');
		const soon = new AbortController();
		const log = (line: string) => void (line.startsWith('Uploading') && soon.abort());
		await failure(drill({ storage, scratch: targets(), log, signal: soon.signal }), 'CANCELLED');
		expect(await leftBehind()).toEqual({ collections: [] });
	});
});

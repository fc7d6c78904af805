/** What lies in the target may be forged: by it a mirror may do needless work, and nothing that it would not do otherwise. */
import { existsSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { LARGEST_OWN } from '../../../../engine/minio/mirror/place';
import {
	CHUNK_RECORDS,
	ChunkLines,
	formatHead,
	recordsIn,
	type StateRecord,
} from '../../../../engine/minio/mirror/state';
import { StateStore } from '../../../../engine/minio/mirror/stateStore';
import type { Place } from '../../../../engine/minio/mirror';
import { startS3rver } from '../../../services/s3/s3rver';
import type { S3Server } from '../../../services/s3/server';
import { bucketPlace, fill, filesIn, folder, folderPlace, put, run, type Contents } from './support';

const signal = new AbortController().signal;
const CHUNK = '00000000-0000-0000-0000-000000000000';
const CONTENTS: Contents = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`f${at + 10}`, `content ${at}`]));

async function chunkOf(records: StateRecord[]): Promise<Buffer> {
	const lines = new ChunkLines();
	for (const record of records) lines.add(record);
	return await lines.chunk();
}

/** Writes a record of copies into a target. */
async function forge(source: Place, target: Place, records: StateRecord[]): Promise<void> {
	const below = `.stack-backup-mirror/${new StateStore(source, target).id}/`;
	await target.own.write(below + CHUNK, await chunkOf(records), signal);
	await target.own.write(`${below}head.json`, formatHead([{ key: CHUNK }]), signal);
}

describe('a record that is forged', () => {
	let server: S3Server;
	beforeAll(async () => (server = await startS3rver()));
	afterAll(async () => await server?.stop());

	it('makes nothing of names that no object of a mirror has', async () => {
		const bucket = await server.createBucket();
		await put(server, bucket, CONTENTS);
		const trashed = '.stack-backup-trash/2026-01-01T00-00-00Z-0a1b2c/kept';
		const others = '.stack-backup-mirror/0123456789abcdef/head.json';
		const copy = folder({ ...CONTENTS, [trashed]: 'kept', [others]: '{}' });
		const source = bucketPlace(server, bucket, 'source');
		const target = folderPlace(copy, 'target');
		const record = (name: string) => ({ name, size: 4, source: 's 1', target: 't' });
		await forge(source, target, [record(''), record(others), record(trashed)]);
		const report = await run(source, target, { removal: { ceilingPercent: 90, keepDays: 0 } });
		expect(report).toMatchObject({ extra: { count: 0 }, removed: { count: 0 }, failed: { count: 0 } });
		expect(report.warnings.join()).toMatch(/recorded in the target could not be read/);
		expect(filesIn(copy)).toEqual(CONTENTS);
		expect([trashed, others].map((name) => existsSync(path.join(copy, name)))).toEqual([true, true]);
	});

	it('removes nothing that the source has, and copies what the target does not have as it says', async () => {
		const root = folder(CONTENTS);
		const copy = folder({ ...CONTENTS, f10: 'another', extra: 'x' });
		const source = folderPlace(root, 'source');
		const target = folderPlace(copy, 'target');
		const records = Object.keys({ ...CONTENTS, extra: '' })
			.sort()
			.map((name) => ({ name, size: 7, source: 'forged', target: 'forged' }));
		await forge(source, target, records);
		const report = await run(source, target, { removal: {} });
		expect(report).toMatchObject({ changed: { count: 20 }, removed: { names: ['extra'] } });
		expect(filesIn(copy)).toEqual(CONTENTS);
	});
});

describe('what a mirror reads whole', () => {
	let server: S3Server;
	beforeAll(async () => (server = await startS3rver()));
	afterAll(async () => await server?.stop());

	it('has a limit in bytes', async () => {
		const name = '.stack-backup-mirror/0123456789abcdef/head.json';
		const root = folder();
		mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
		writeFileSync(path.join(root, name), '');
		truncateSync(path.join(root, name), 16 * LARGEST_OWN);
		const bucket = await server.createBucket();
		await server.client.putObject(bucket, name, Buffer.alloc(2 * LARGEST_OWN));
		for (const place of [folderPlace(root, 'target'), bucketPlace(server, bucket, 'target')]) {
			const read = await place.own.read(name, signal);
			expect(read?.length).toBeGreaterThan(LARGEST_OWN);
			expect(read?.length).toBeLessThan(1.5 * LARGEST_OWN);
		}
		fill(root, { doc: 'x' });
	});

	it('has no more records than a mirror writes into one chunk', async () => {
		const many = Array.from({ length: 9 * CHUNK_RECORDS }, (_, at) => ({
			name: String(at).padStart(6, '0'),
			size: 0,
			source: '',
			target: '',
		}));
		const read = async (records: StateRecord[]) => {
			let bad = 0;
			const found = [...(await recordsIn(await chunkOf(records), () => bad++))].length;
			return { found, bad };
		};
		expect(await read(many.slice(0, 2 * CHUNK_RECORDS))).toEqual({ found: 2 * CHUNK_RECORDS, bad: 0 });
		expect(await read(many)).toEqual({ found: 8 * CHUNK_RECORDS, bad: 1 });
	});
});

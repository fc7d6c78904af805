import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { manifestKeyOf } from '../../../../engine/archive';
import { S3Storage } from '../../../../engine/storage';
import { startFaultyProxy, type FaultyProxy } from '../../../services/faultyProxy';
import { startS3rver } from '../../../services/s3/s3rver';
import type { S3Server } from '../../../services/s3/server';
import { optionsFor } from '../../storage/s3-under-test';
import { backupsIn, pruneBy, withManifests, writeDaily } from '../support';

const BATCH = /^POST .*[?&]delete/;

describe('a prune of a bucket', () => {
	let server: S3Server;
	let proxy: FaultyProxy;
	let storage: S3Storage;
	beforeAll(async () => {
		server = await startS3rver();
		proxy = await startFaultyProxy(server.endpoint);
	});
	beforeEach(async () => {
		storage = new S3Storage(optionsFor(server, await server.createBucket(), { endpoint: proxy.endpoint }));
		proxy.faults = [];
	});
	afterAll(async () => {
		await proxy.stop();
		await server.stop();
	});
	const sent = (pattern: RegExp) => proxy.requests.filter((line) => pattern.test(line)).length;

	it('removes the manifests in one request, and all that belongs to them in another', async () => {
		const keys = await writeDaily(storage, 20);
		await pruneBy(storage, { last: 30 });
		proxy.requests = [];
		const { deleted, failed } = await pruneBy(storage, { last: 5 });
		expect([deleted.length, failed]).toEqual([15, []]);
		expect(sent(BATCH)).toBe(2);
		// The one that is left is that of the note.
		expect(sent(/^DELETE /)).toBe(1);
		// Two for the lock of an object, of each archive and of its manifest, and one for the manifest itself; and one for the
		// manifest of the newest one, for whose sake they go.
		expect(sent(/^(GET|HEAD) .*\.sql/)).toBe(15 * 3 + 1);
		expect(await backupsIn(storage)).toEqual(withManifests(keys.slice(0, 5)));
	});

	it('leaves a backup whole whose manifest the server does not delete, and reports it', async () => {
		const keys = await writeDaily(storage, 5);
		const denied = `<Key>backups/test/${manifestKeyOf(keys[2]!)}</Key><Code>AccessDenied</Code><Message>No.</Message>`;
		// What the answer says nothing of is deleted by requests of its own.
		const body = `<DeleteResult><Error>${denied}</Error></DeleteResult>`;
		proxy.faults = [{ when: BATCH, times: 1, act: { kind: 'status', status: 200, code: '', body } }];
		const report = await pruneBy(storage, { last: 2 });
		expect(report.deleted.map(({ key }) => key)).toEqual(keys.slice(3));
		expect(report.failed.map(({ entry, error }) => [entry.key, error.code])).toEqual([[keys[2], 'STORAGE_DENIED']]);
		expect(await backupsIn(storage)).toEqual(withManifests(keys.slice(0, 3)));
	});
});

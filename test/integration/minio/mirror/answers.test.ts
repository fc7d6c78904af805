import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { startFaultyProxy, type Fault, type FaultyProxy } from '../../../services/faultyProxy';
import { startS3rver } from '../../../services/s3/s3rver';
import type { S3Server } from '../../../services/s3/server';
import { bucketPlace, fill, folder, folderPlace, objectsIn, put, run, type Contents } from './support';

const LARGE = 11 * 1024 * 1024;

/** What a proxy, or a server that is broken, says to everything. */
const nothingDone = (when: RegExp, times = 1): Fault => ({
	when,
	times,
	act: { kind: 'status', status: 200, code: '', body: '' },
});

describe('an answer that says that something was stored, and it was not', () => {
	let server: S3Server;
	let proxy: FaultyProxy;
	beforeAll(async () => {
		server = await startS3rver();
		proxy = await startFaultyProxy(server.endpoint);
	});
	beforeEach(() => void (proxy.faults = []));
	afterAll(async () => {
		await proxy?.stop();
		await server?.stop();
	});

	/** After the next run at the latest, the target has what the source has. */
	async function comesRight(places: () => readonly [Parameters<typeof run>[0], Parameters<typeof run>[1]]) {
		await run(...places()).catch(() => {});
		const met = proxy.faults.every(({ times }) => times === 0);
		proxy.faults = [];
		await run(...places());
		return met;
	}

	it('does not make the old object pass for a copy by the server', async () => {
		const [from, to] = [await server.createBucket(), await server.createBucket()];
		await put(server, from, { doc: 'new' });
		await put(server, to, { doc: 'old' });
		const { endpoint } = proxy;
		proxy.faults = [nothingDone(new RegExp(`^PUT /${to}/doc`))];
		const places = () =>
			[bucketPlace(server, from, 'source', { endpoint }), bucketPlace(server, to, 'target', { endpoint })] as const;
		expect(await comesRight(places)).toBe(true);
		expect(await objectsIn(server, to)).toEqual({ doc: 'new' });
	});

	it.each([
		['one request', 'new', /^PUT \S+\/doc /],
		['parts', 'n'.repeat(LARGE), /^POST \S+\/doc\?uploadId/],
	])('does not make the old object pass for one that was stored in %s', async (_how, content, when) => {
		const to = await server.createBucket();
		const old: Contents = { doc: 'o'.repeat(content.length) };
		await put(server, to, old);
		const root = folder();
		fill(root, { doc: content });
		proxy.faults = [nothingDone(when)];
		const places = () =>
			[folderPlace(root, 'source'), bucketPlace(server, to, 'target', { endpoint: proxy.endpoint })] as const;
		expect(await comesRight(places)).toBe(true);
		expect((await objectsIn(server, to))['doc'] === content).toBe(true);
	});
});

/** How long what was removed stays: clocks may be wrong, and names in the trash may be anybody's. */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { startS3rver } from '../../../services/s3/s3rver';
import type { S3Server } from '../../../services/s3/server';
import { settled } from '../../settled';
import { bucketPlace, filesIn, fill, folder, folderPlace, keysIn, put, run } from './support';

const DAY = 24 * 60 * 60 * 1000;
const FORGED = '.stack-backup-trash/2001-01-01T00-00-00Z-0a1b2c/';
/** Days; some parts of a millisecond. */
const AT_ONCE = 1e-9;

let server: S3Server;
beforeAll(async () => (server = await startS3rver()));
afterAll(async () => await server.stop());
afterEach(() => void vi.useRealTimers());

/** What a run has moved into the trash of a folder, and a next run. @param off how far the clock of the first one is off */
async function removedOnce(off = 0) {
	const root = folder({ a: 'one', b: 'two', c: 'three' });
	const copy = folder();
	await settled(root);
	if (off !== 0) vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + off });
	await run(folderPlace(root, 'source'), folderPlace(copy, 'target'));
	rmSync(path.join(root, 'a'));
	const removal = { ceilingPercent: 50 };
	const { trash } = await run(folderPlace(root, 'source'), folderPlace(copy, 'target'), { removal });
	const file = path.join(copy, trash!, 'a');
	expect(existsSync(file)).toBe(true);
	vi.useRealTimers();
	const again = async (choices: { keepDays?: number } = {}) =>
		await run(folderPlace(root, 'source'), folderPlace(copy, 'target'), { removal: { ...removal, ...choices } });
	return { file, again, copy };
}

describe('what a mirror has removed', () => {
	it.each([
		['ahead', 400 * DAY],
		['behind', -400 * DAY],
	])('stays for its days where the clock of a later run is far %s', async (_, off) => {
		const { file, again } = await removedOnce();
		vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + off });
		expect(await again()).toMatchObject({ removed: { count: 0 }, purged: { count: 0 } });
		expect(existsSync(file)).toBe(true);
	});

	it('stays for its days where the clock of the run that removed it was far behind', async () => {
		const { file, again } = await removedOnce(-400 * DAY);
		expect(await again()).toMatchObject({ purged: { count: 0 } });
		expect(existsSync(file)).toBe(true);
	});

	it('goes when its days are over', async () => {
		const { file, again } = await removedOnce();
		// Its folder is named by the second.
		while (Date.now() - statSync(file).ctimeMs < 1100) await sleep(50);
		expect(await again({ keepDays: 0 })).toMatchObject({ purged: { count: 0 } });
		expect(existsSync(file)).toBe(true);
		expect(await again({ keepDays: AT_ONCE })).toMatchObject({ purged: { count: 1 } });
		expect(existsSync(file)).toBe(false);
	});
});

describe('what lies in a trash under the name of a time that is long over', () => {
	it('stays in a folder until it has been there for so long', async () => {
		const { again, copy } = await removedOnce();
		rmSync(path.join(copy, '.stack-backup-trash'), { recursive: true });
		fill(copy, { [`${FORGED}other`]: 'x', '.stack-backup-trash/mine': 'y' });
		expect(await again()).toMatchObject({ purged: { count: 0 } });
		await settled(copy);
		expect(await again({ keepDays: 0.1 })).toMatchObject({ purged: { count: 0 } });
		expect(await again({ keepDays: AT_ONCE })).toMatchObject({ purged: { names: [`${FORGED}other`] } });
		expect(readdirSync(path.join(copy, '.stack-backup-trash'))).toContain('mine');
		expect(filesIn(copy)).toEqual({ b: 'two', c: 'three' });
	});

	it('stays in a bucket likewise', async () => {
		const bucket = await server.createBucket();
		await put(server, bucket, { [`${FORGED}other`]: 'x' });
		const source = folder({ a: 'one' });
		const mirrored = async (keepDays: number) =>
			await run(folderPlace(source, 'source'), bucketPlace(server, bucket, 'target'), { removal: { keepDays } });
		expect(await mirrored(1)).toMatchObject({ purged: { count: 0 } });
		expect(await keysIn(server, bucket, FORGED)).toHaveLength(1);
		// Servers tell times by the second.
		const { lastModified } = await server.client.statObject(bucket, `${FORGED}other`);
		while (Date.now() - lastModified.getTime() < 2100) await sleep(50);
		expect(await mirrored(AT_ONCE)).toMatchObject({ purged: { count: 1 } });
		expect(await keysIn(server, bucket, FORGED)).toEqual([]);
	});
});

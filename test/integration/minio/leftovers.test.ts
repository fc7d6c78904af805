import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { S3Client } from '../../../engine/minio/client';
import { withScratchPlace } from '../../../engine/minio/verify/scratch';
import { scratchName } from '../../../engine/verify/scratchName';
import { startS3rver } from '../../services/s3/s3rver';
import { put } from './round-trip-contract';
import { connectionOf } from './support';

const HOUR = 3600_000;
const now = new Date();
const hoursAfter = (hours: number) => new Date(now.getTime() + hours * HOUR);
const old = () => scratchName(hoursAfter(-100));

describe('what a killed test restore has left in buckets', () => {
	let server: Awaited<ReturnType<typeof startS3rver>>;
	let client: S3Client;

	beforeAll(async () => {
		server = await startS3rver();
		client = new S3Client(connectionOf(server), 'target');
	});

	afterAll(async () => {
		client.close();
		await server.stop();
	});

	const warned: string[] = [];
	const later = async (bucket: string | undefined, at: Date) =>
		await withScratchPlace(
			client,
			bucket,
			async (place, prefix) => {
				await put(place, `${prefix}mine`, 'mine');
				return `${place.name}/${prefix}`;
			},
			{ warn: (message) => warned.push(message), now: at },
		);
	const keysIn = async (bucket: string) => {
		const keys: string[] = [];
		for await (const { key } of client.bucket(bucket).list()) keys.push(key);
		return keys;
	};

	it('goes with a later one, a day after anything was written there', async () => {
		await client.createBucket('scratch');
		const bucket = client.bucket('scratch');
		const kept = ['stack_backup_verify_/x', `${old()}`, `${old()}_mine/x`, `a/${old()}/x`, 'others'];
		const left = old();
		for (const key of [...kept, `${left}/docs/a`, `${left}/b`]) await put(bucket, key, 'content');
		await later('scratch', hoursAfter(23));
		expect(await keysIn('scratch')).toContain(`${left}/b`);
		expect(await later('scratch', hoursAfter(25))).toMatch(/^scratch\/stack_backup_verify_\d{14}_[0-9a-f]{16}\/$/);
		expect(await keysIn('scratch')).toEqual([...kept].sort());
		expect(warned).toEqual([]);
	});

	it('goes with a later one where it was a bucket of its own', async () => {
		const [left, mine] = [old().replaceAll('_', '-'), 'stack-backup-verify-mine'];
		for (const name of [left, mine]) {
			await client.createBucket(name);
			await put(client.bucket(name), 'a', 'content');
		}
		await later(undefined, hoursAfter(23));
		expect(await client.exists(left)).toBe(true);
		const made = await later(undefined, hoursAfter(25));
		expect(await client.exists(made.slice(0, -1))).toBe(false);
		expect([await client.exists(left), await client.exists(mine)]).toEqual([false, true]);
		expect(warned).toEqual([]);
	});
});

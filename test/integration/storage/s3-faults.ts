import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { BackupError } from '../../../engine/errors';
import { S3Storage, type S3StorageOptions, type WriteOptions } from '../../../engine/storage';
import { startFaultyProxy, type FaultyProxy } from '../../services/faultyProxy';
import { startSamePartsProxy } from '../../services/s3/samePartsProxy';
import type { S3Server } from '../../services/s3/server';
import { content, digest } from './content';
import { quickClock } from './quick-clock';
import { keysOf, optionsFor, quickRetry, unfinishedUploads } from './s3-under-test';

const MIB = 1024 * 1024;
const THREE_PARTS = 13 * MIB;

const BEGIN = /^POST .*\?uploads/;
const PART_2 = /^PUT .*partNumber=2/;
const COMPLETE = /^POST .*uploadId=/;
const WHOLE_PUT = /^PUT (?!.*partNumber)/;
const GET = /^GET .*\.bin/;

export interface Abilities {
	/** Knows AbortMultipartUpload and ListMultipartUploads. */
	listsUploads: boolean;
	/** Refuses requests that were signed with a wrong key. */
	checksSignatures: boolean;
}

/** What the storage does when the network or the server fails, with a real server behind a proxy that breaks things. */
export function s3Faults(name: string, start: () => Promise<S3Server>, abilities: Abilities): void {
	describe(`S3Storage before ${name} with faults on the way`, () => {
		let server: S3Server;
		let proxy: FaultyProxy;
		let bucket: string;
		const opened: S3Storage[] = [];
		beforeAll(async () => {
			server = await start();
			proxy = await startFaultyProxy(server.endpoint);
		});
		beforeEach(async () => {
			bucket = await server.createBucket();
			proxy.faults = [];
			proxy.requests = [];
			proxy.onRequest = undefined;
		});
		afterAll(async () => {
			for (const storage of opened) storage.close();
			await proxy.stop();
			await server.stop();
		});

		const through = (more: Partial<S3StorageOptions> = {}) => {
			const storage = new S3Storage(optionsFor(server, bucket, { endpoint: proxy.endpoint, ...more }));
			opened.push(storage);
			return storage;
		};
		const sent = (pattern: RegExp) => proxy.requests.filter((line) => pattern.test(line)).length;
		/** Each has happened. How often something was sent besides is for the network to say, and for a busy machine. */
		const expectAllFaultsMet = () => expect(proxy.faults.filter(({ times }) => times > 0)).toEqual([]);
		const expectNothingLeft = async (storage: S3Storage) => {
			expect(await keysOf(storage)).toEqual([]);
			if (abilities.listsUploads) expect(await unfinishedUploads(server, bucket)).toEqual([]);
			else expect(sent(/^DELETE .*uploadId=/)).toBeGreaterThan(0);
		};

		it('sends a part again that the server was too busy for, or that was cut off', async () => {
			const storage = through();
			proxy.faults = [
				{ when: BEGIN, times: 1, act: { kind: 'status', status: 500, code: 'InternalError' } },
				{ when: PART_2, times: 2, act: { kind: 'status', status: 503, code: 'SlowDown' } },
				{ when: PART_2, times: 1, act: { kind: 'cutUpload', afterBytes: MIB } },
				{ when: PART_2, times: 1, act: { kind: 'cutAnswer', afterBytes: 0 } },
			];
			await storage.write('x.bin', content(THREE_PARTS));
			expectAllFaultsMet();
			expect(await digest(await storage.read('x.bin'))).toEqual(await digest(content(THREE_PARTS)));
		});

		it('sends a small object again, also when only the answer was lost', async () => {
			const storage = through();
			proxy.faults = [
				{ when: WHOLE_PUT, times: 1, act: { kind: 'status', status: 429, code: 'TooManyRequests' } },
				{ when: WHOLE_PUT, times: 1, act: { kind: 'cutAnswer', afterBytes: 0 } },
			];
			await storage.write('x.bin', content(1000));
			expectAllFaultsMet();
			expect(await storage.stat('x.bin')).toMatchObject({ size: 1000 });
		});

		it('aborts the upload and leaves nothing when a part fails for good', async () => {
			const storage = through();
			proxy.faults = [{ when: PART_2, times: Infinity, act: { kind: 'status', status: 503, code: 'SlowDown' } }];
			const writing = storage.write('x.bin', content(60 * MIB));
			await expect(writing).rejects.toMatchObject({ code: 'STORAGE_FAILED', details: { status: 503 } });
			expect(sent(COMPLETE)).toBe(0);
			await expectNothingLeft(storage);
		});

		it('does not repeat what cannot get better', async () => {
			const storage = through();
			proxy.faults = [{ when: PART_2, times: Infinity, act: { kind: 'status', status: 403, code: 'AccessDenied' } }];
			const writing = storage.write('x.bin', content(THREE_PARTS));
			await expect(writing).rejects.toMatchObject({ code: 'STORAGE_DENIED', details: { attempts: 1 } });
			expect(sent(PART_2)).toBe(1);
			await expectNothingLeft(storage);
		});

		it('counts a connection on which nothing moves as dropped', async () => {
			const storage = through({ retry: { ...quickRetry(), stallMs: 1500 } });
			proxy.faults = [{ when: PART_2, times: 1, act: { kind: 'stall' } }];
			await storage.write('x.bin', content(THREE_PARTS));
			expectAllFaultsMet();
			expect(await storage.stat('x.bin')).toMatchObject({ size: THREE_PARTS });
		});

		it('cancels while the server is silent, and leaves no connection open', async () => {
			const storage = through();
			const controller = new AbortController();
			proxy.faults = [{ when: PART_2, times: Infinity, act: { kind: 'stall' } }];
			const writing = storage.write('x.bin', content(60 * MIB), { signal: controller.signal });
			const watching = expect(writing).rejects.toMatchObject({ code: 'CANCELLED' });
			await until(() => sent(PART_2) > 0);
			controller.abort();
			await watching;
			await expectNothingLeft(storage);
			await until(() => proxy.openConnections() === 0);
		});

		it('goes on with a read where the connection broke', async () => {
			const storage = through();
			await storage.write('x.bin', content(THREE_PARTS));
			proxy.faults = [
				{ when: GET, times: 2, act: { kind: 'cutAnswer', afterBytes: 3 * MIB } },
				{ when: GET, times: 2, act: { kind: 'status', status: 503, code: 'SlowDown' } },
			];
			proxy.requests = [];
			expect(await digest(await storage.read('x.bin'))).toEqual(await digest(content(THREE_PARTS)));
			expectAllFaultsMet();
		});

		it('goes on with the read of a range within the range', async () => {
			const storage = through();
			await storage.write('x.bin', content(THREE_PARTS));
			const range = { start: MIB, end: 7 * MIB };
			const whole = await digest(await storage.read('x.bin', range));
			proxy.faults = [{ when: GET, times: 1, act: { kind: 'cutAnswer', afterBytes: 2 * MIB } }];
			expect(await digest(await storage.read('x.bin', range))).toEqual(whole);
			expect(whole.bytes).toBe(6 * MIB);
		});

		it('gives a read up with one error when the connection keeps breaking', async () => {
			const storage = through();
			await storage.write('x.bin', content(THREE_PARTS));
			proxy.faults = [
				{ when: GET, times: 1, act: { kind: 'cutAnswer', afterBytes: MIB } },
				{ when: GET, times: Infinity, act: { kind: 'cutAnswer', afterBytes: 0 } },
			];
			const reading = digest(await storage.read('x.bin'));
			await expect(reading).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
			expect(sent(GET)).toBeGreaterThan(10);
		});

		it('sends one part after the other and holds few of them, however long the stream', async () => {
			const concurrency = 2;
			const storage = through({ concurrency });
			let handedOut = 0;
			let mostAhead = 0;
			const source = (async function* () {
				for await (const chunk of content(45 * MIB)) {
					handedOut += chunk.length;
					const begun = sent(/^PUT .*partNumber=/) * 5 * MIB;
					mostAhead = Math.max(mostAhead, handedOut - begun);
					yield chunk;
				}
			})();
			await storage.write('x.bin', source);
			expect(sent(/^PUT .*partNumber=/)).toBe(9);
			expect(mostAhead).toBeLessThanOrEqual((concurrency + 1) * 5 * MIB + MIB);
		});

		it('sends parts of one length, large enough for what is expected, to a server that takes no others', async () => {
			const strict = await startSamePartsProxy(server.endpoint);
			try {
				const few = { endpoint: strict.endpoint, maxParts: 4 };
				const sizes = async (key: string, size: number, options: WriteOptions) => {
					strict.parts.clear();
					await through(few).write(key, content(size), options);
					expect(await digest(await through().read(key))).toEqual(await digest(content(size)));
					return [...strict.parts.values()].flatMap((parts) => [...parts].sort().map(([, length]) => length));
				};
				const known = await sizes('known.bin', 23 * MIB, { expectedSize: 23 * MIB });
				expect(known).toEqual([8 * MIB, 8 * MIB, 7 * MIB]);
				const estimated = await sizes('estimated.bin', 25 * MIB, { estimatedSize: 20 * MIB });
				expect(estimated).toEqual([7 * MIB, 7 * MIB, 7 * MIB, 4 * MIB]);
				const unknown = await sizes('unknown.bin', THREE_PARTS, {});
				expect(unknown).toEqual([5 * MIB, 5 * MIB, 3 * MIB]);
			} finally {
				await strict.stop();
			}
		});

		it('ends an upload that its parts do not hold, instead of sending what would be refused, and leaves nothing', async () => {
			const storage = through({ maxParts: 4 });
			const writing = storage.write('x.bin', content(26 * MIB), { estimatedSize: MIB });
			await expect(writing).rejects.toMatchObject({
				code: 'INVALID_INPUT',
				hint: expect.stringContaining('Part Size'),
			});
			expect(sent(COMPLETE)).toBe(0);
			await expectNothingLeft(storage);
			const tooLarge = storage.write('y.bin', content(10), { expectedSize: 5 * 1024 ** 3 });
			await expect(tooLarge).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { largest: 4 * 1024 ** 3 } });
		});

		it('goes through an outage of 90 seconds, in which several parts fail again and again', async () => {
			const clock = quickClock();
			const told: string[] = [];
			const storage = through({ retry: quickRetry(clock), onNotice: (notice) => told.push(notice) });
			proxy.faults = [{ when: PART_2, times: Infinity, act: { kind: 'drop' } }];
			proxy.onRequest = (line) => {
				if (!PART_2.test(line)) return;
				if (clock.now() >= 90_000) proxy.faults = [];
			};
			await storage.write('x.bin', content(30 * MIB));
			expect(clock.now()).toBeGreaterThanOrEqual(90_000);
			expect(told[0]).toMatch(/^The S3 server 127\.0\.0\.1:\d+ has failed for/);
			expect(told.at(-1)).toMatch(/works again/);
			expect(await digest(await storage.read('x.bin'))).toEqual(await digest(content(30 * MIB)));
		});

		it('is left soon by a run that is cancelled while the server is silent, whatever it asks', async () => {
			const controller = new AbortController();
			const storage = through({ runSignal: controller.signal });
			proxy.faults = [{ when: /./, times: Infinity, act: { kind: 'stall' } }];
			const watching = expect(storage.remove('x.bin')).rejects.toMatchObject({ code: expect.any(String) });
			await until(() => proxy.requests.length > 0);
			controller.abort();
			await watching;
			await until(() => proxy.openConnections() === 0);
		});

		it('ends a backup after an outage that lasts too long, and says how long', async () => {
			const storage = through();
			proxy.faults = [{ when: PART_2, times: Infinity, act: { kind: 'drop' } }];
			const writing = storage.write('x.bin', content(THREE_PARTS));
			await expect(writing).rejects.toMatchObject({
				code: 'STORAGE_UNREACHABLE',
				message: expect.stringMatching(/tried \d+ times in 120 s/),
			});
			await expectNothingLeft(storage);
		});

		it('says which of endpoint, keys, bucket or certificate is wrong', async () => {
			const failure = (more: Partial<S3StorageOptions>) =>
				through({ endpoint: server.endpoint, ...more })
					.write('x.bin', content(10))
					.catch((error: unknown) => error);
			expect(await failure({ bucket: 'there-is-no-such-bucket' })).toMatchObject({ code: 'STORAGE_MISSING' });
			expect(await failure({ accessKeyId: 'nobody' })).toMatchObject({ code: 'STORAGE_DENIED' });
			if (abilities.checksSignatures) {
				expect(await failure({ secretAccessKey: 'wrong' })).toMatchObject({ code: 'STORAGE_DENIED' });
			}
			const closed = { endpoint: 'http://127.0.0.1:9' };
			expect(await failure(closed)).toMatchObject({
				code: 'STORAGE_UNREACHABLE',
				message: expect.stringContaining('in 30 s'),
			});
			const misspelt = { endpoint: 'http://no-such-host.invalid' };
			expect(await failure(misspelt)).toMatchObject({ code: 'STORAGE_UNREACHABLE' });
			const https = { endpoint: server.endpoint.replace('http:', 'https:') };
			expect(await failure(https)).toMatchObject({ code: 'STORAGE_UNREACHABLE', details: { attempts: 1 } });
		});

		it('never puts a secret into an error', async () => {
			const secretAccessKey = 'correct-horse-battery-staple';
			const error = await through({ secretAccessKey, bucket: 'there-is-no-such-bucket' })
				.write('x.bin', content(10))
				.catch((failure: unknown) => failure);
			expect(error).toBeInstanceOf(BackupError);
			const told = JSON.stringify(error, Object.getOwnPropertyNames(error)) + String((error as Error).stack);
			expect(told).not.toContain(secretAccessKey);
		});

		if (abilities.listsUploads) {
			it('takes the object away again when the answer to its completion is lost and the run is cancelled', async () => {
				const storage = through();
				const controller = new AbortController();
				proxy.faults = [{ when: COMPLETE, times: 1, act: { kind: 'stall' } }];
				const writing = storage.write('x.bin', content(THREE_PARTS), { signal: controller.signal });
				const watching = expect(writing).rejects.toMatchObject({ code: 'CANCELLED' });
				const direct = new S3Storage(optionsFor(server, bucket));
				opened.push(direct);
				await until(async () => (await direct.stat('x.bin')) !== undefined);
				controller.abort();
				await watching;
				await expectNothingLeft(storage);
			});

			it('sweeps the uploads that killed writes left below its prefix', async () => {
				await server.client.initiateNewMultipartUpload(bucket, 'backups/test/postgres/old.sql', {});
				const storage = through();
				expect(await storage.sweep(new Date(Date.now() - 3_600_000))).toEqual([]);
				expect(await storage.sweep(new Date(Date.now() + 60_000))).toEqual(['postgres/old.sql']);
				expect(await unfinishedUploads(server, bucket)).toEqual([]);
			});

			it('knows its own object when the answer to its completion was lost', async () => {
				const storage = through();
				proxy.faults = [{ when: COMPLETE, times: 1, act: { kind: 'cutAnswer', afterBytes: 0 } }];
				await storage.write('x.bin', content(THREE_PARTS));
				expectAllFaultsMet();
				expect(await storage.stat('x.bin')).toMatchObject({ size: THREE_PARTS });
			});
		}
	});
}

/** Waits until a condition holds; the test's own time-out is the limit. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
	while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

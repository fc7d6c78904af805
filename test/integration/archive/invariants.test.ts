import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
	CLAIM_SUFFIX,
	createArchive,
	openArchive,
	type ArchiveReader,
	type CreateArchiveOptions,
} from '../../../engine/archive';
import { FolderStorage } from '../../../engine/storage/folder';
import type { Storage } from '../../../engine/storage/storage';
import { archiveOptions, collect, DETAILS, temporaryStorage, withFaults, writeSample } from './support';
import { noise } from '../../random/bytes';

const random = noise('archive/invariants');

const KEYS = { passphrase: 'correct horse' };

async function partsOf(reader: ArchiveReader): Promise<Buffer> {
	const contents: Buffer[] = [];
	for await (const { raw } of reader.parts(() => true))
		contents.push(await collect(Buffer.isBuffer(raw) ? ([raw] as never) : raw));
	return Buffer.concat(contents);
}

describe('a manifest (invariant 1)', () => {
	it('is stored after the archive is durable, and the pointer after the manifest', async () => {
		const { storage } = temporaryStorage();
		const order: string[] = [];
		const watched = withFaults(storage, {
			write: async (...args) => {
				const stored = await storage.write(...args);
				order.push('archive');
				return stored;
			},
			replace: async (key, ...args) => {
				expect(await storage.stat(key.replace('.manifest.json', ''))).toBeDefined();
				await storage.replace(key, ...args);
				order.push('manifest');
			},
			setLatest: async (pointer, target) => {
				expect(await storage.stat(`${target}.manifest.json`)).toBeDefined();
				await storage.setLatest(pointer, target);
				order.push('pointer');
			},
		});
		const writer = await createArchive({ ...archiveOptions(storage), storage: watched });
		await writer.frame({ type: 'data' }, random(1000));
		await writer.commit(DETAILS);
		expect(order).toEqual(['archive', 'manifest', 'pointer']);
	});

	it('stands although the pointer cannot be set, with a warning', async () => {
		const { storage } = temporaryStorage();
		const setLatest = () => Promise.reject(new Error('read-only'));
		const writer = await createArchive({ ...archiveOptions(storage), storage: withFaults(storage, { setLatest }) });
		const manifest = await writer.commit(DETAILS);
		expect(manifest.warnings).toEqual([expect.stringContaining('shop_latest could not be set: read-only')]);
		await writer.abort();
		await (await openArchive(storage, `${writer.key}.manifest.json`)).verifyStored();
	});
});

describe('a write that does not end well (invariant 2) leaves nothing', () => {
	const VARIANTS: Partial<CreateArchiveOptions>[] = [
		{},
		{ encryption: KEYS },
		{ codec: { name: 'gzip' } },
		{ codec: { name: 'none' } },
	];

	it.each(VARIANTS)('when it is cancelled amid frames and a stream that stalls (%j)', async (variant) => {
		const { storage, files } = temporaryStorage();
		const controller = new AbortController();
		const writer = await createArchive(archiveOptions(storage, { ...variant, signal: controller.signal }));
		for (let i = 0; i < 3; i++) await writer.frame({ type: 'data' }, random(500_000));
		const stalled = async function* () {
			yield random(600_000);
			await new Promise(() => {});
		};
		const streaming = writer.stream({ type: 'data' }, stalled());
		await expect.poll(files).toEqual([expect.stringMatching(/\.partial$/), `${writer.key}${CLAIM_SUFFIX}`]);
		controller.abort();
		await expect(streaming).rejects.toMatchObject({ code: 'CANCELLED' });
		await expect(writer.frame({ type: 'data' }, random(10))).rejects.toMatchObject({ code: 'CANCELLED' });
		await expect(writer.commit(DETAILS)).rejects.toMatchObject({ code: 'CANCELLED' });
		await writer.abort();
		await writer.abort();
		expect(files()).toEqual([]);
	});

	it.each(VARIANTS)('when a source fails (%j)', async (variant) => {
		const { storage, files } = temporaryStorage();
		const writer = await createArchive(archiveOptions(storage, variant));
		const failing = async function* () {
			yield random(600_000);
			throw new Error('connection lost');
		};
		await expect(writer.stream({ type: 'data' }, failing())).rejects.toThrow('connection lost');
		await expect(writer.commit(DETAILS)).rejects.toThrow('connection lost');
		await writer.abort();
		expect(files()).toEqual([]);
	});

	it.each(VARIANTS)('when the storage fails in the middle, and callers learn why (%j)', async (variant) => {
		const { storage, files } = temporaryStorage();
		const write: Storage['write'] = async (key, source, options) => {
			const failing = async function* () {
				let bytes = 0;
				for await (const chunk of source) {
					yield chunk;
					if ((bytes += chunk.length) > 2_000_000) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
				}
			};
			return await storage.write(key, failing(), options);
		};
		const writer = await createArchive({
			...archiveOptions(storage, variant),
			storage: withFaults(storage, { write }),
		});
		const frames = async () => {
			for (let i = 0; i < 100; i++) await writer.frame({ type: 'data' }, random(1_000_000));
		};
		const full = { code: 'STORAGE_FULL' };
		await expect(frames()).rejects.toMatchObject(full);
		await expect(writer.drain()).rejects.toMatchObject(full);
		await expect(writer.commit(DETAILS)).rejects.toMatchObject(full);
		expect(files()).toEqual([]);
	});

	it('when the storage stops taking it and calls that a success', async () => {
		const { storage, files } = temporaryStorage();
		const write: Storage['write'] = async (key, source, options) => {
			const some = async function* () {
				for await (const chunk of source) {
					yield chunk;
					return;
				}
			};
			return await storage.write(key, some(), options);
		};
		const writer = await createArchive({ ...archiveOptions(storage), storage: withFaults(storage, { write }) });
		const frames = async () => {
			for (let i = 0; i < 100; i++) await writer.frame({ type: 'data' }, random(1_000_000));
		};
		await expect(frames()).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
		await writer.abort();
		expect(files()).toEqual([]);
	});

	it('when the manifest cannot be stored', async () => {
		const { storage, files } = temporaryStorage();
		const replace = () => Promise.reject(new Error('no manifest today'));
		const writer = await createArchive({ ...archiveOptions(storage), storage: withFaults(storage, { replace }) });
		await writer.frame({ type: 'data' }, random(1000));
		await expect(writer.commit(DETAILS)).rejects.toThrow('no manifest today');
		expect(files()).toEqual([]);
	});

	it('when the manifest was stored but its answer was lost', async () => {
		const { storage, files } = temporaryStorage();
		const replace: Storage['replace'] = async (...args) => {
			await storage.replace(...args);
			throw new Error('connection lost');
		};
		const writer = await createArchive({ ...archiveOptions(storage), storage: withFaults(storage, { replace }) });
		await expect(writer.commit(DETAILS)).rejects.toThrow('connection lost');
		expect(files()).toEqual([]);
	});

	it('when it is cancelled while the manifest is being stored', async () => {
		const { storage, files } = temporaryStorage();
		const controller = new AbortController();
		const replace: Storage['replace'] = async (key, content) => {
			controller.abort();
			await new Promise((resolve) => setTimeout(resolve, 20));
			await storage.replace(key, content);
		};
		const options = {
			...archiveOptions(storage, { signal: controller.signal }),
			storage: withFaults(storage, { replace }),
		};
		const writer = await createArchive(options);
		await expect(writer.commit(DETAILS)).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(files()).toEqual([]);
	});

	it('when it was cancelled before it began', async () => {
		const { storage, files } = temporaryStorage();
		await expect(createArchive(archiveOptions(storage, { signal: AbortSignal.abort() }))).rejects.toMatchObject({
			code: 'CANCELLED',
		});
		expect(files()).toEqual([]);
	});

	it('but its claim and a partial file, which no listing shows, when the process is killed', async () => {
		const { root, storage, files } = temporaryStorage();
		const child = spawn(
			process.execPath,
			['--import', './scripts/typescript-hooks.mjs', 'test/integration/archive/endless-writer.ts', root],
			{ stdio: ['ignore', 'pipe', 'inherit'] },
		);
		const ended = new Promise((resolve) => child.once('close', resolve));
		await new Promise((resolve) => child.stdout.once('data', resolve));
		child.kill('SIGKILL');
		await ended;
		expect(files().sort()).toEqual([expect.stringMatching(/\.partial$/), expect.stringMatching(/\.writing\.json$/)]);
		const listed = [];
		for await (const { key } of storage.list('')) listed.push(key);
		expect(listed).toEqual([expect.stringMatching(/\.writing\.json$/)]);
	});
});

describe('a name (invariant 3)', () => {
	const startedAt = new Date('2026-01-31T02:00:00Z');

	it('is never given twice, to writers at work or to one after the other', async () => {
		const { root, storage } = temporaryStorage();
		const options = archiveOptions(storage, { startedAt });
		// Another instance stands for another process: only the storage tells them of each other.
		const other = archiveOptions(new FolderStorage({ root, description: 'the same folder' }), { startedAt });
		const writers = await Promise.all([createArchive(options), createArchive(options), createArchive(other)]);
		await Promise.all(writers.map((writer, i) => writer.frame({ type: 'data' }, Buffer.from(`content ${i}`))));
		const manifests = await Promise.all(writers.map((writer) => writer.commit(DETAILS)));
		const late = await createArchive(options);
		await late.commit(DETAILS);
		expect([...manifests.map(({ file }) => file), late.file].sort()).toEqual([
			'shop_20260131_020000.sql.zst',
			'shop_20260131_020000_2.sql.zst',
			'shop_20260131_020000_3.sql.zst',
			'shop_20260131_020000_4.sql.zst',
		]);
		for (const [i, manifest] of manifests.entries()) {
			const reader = await openArchive(storage, { manifest, folder: 'postgres' });
			expect(String(await collect(reader.raw()))).toBe(`content ${i}`);
		}
	});

	it('can be had again after an abort', async () => {
		const { storage } = temporaryStorage();
		const first = await createArchive(archiveOptions(storage, { startedAt }));
		await first.abort();
		const second = await createArchive(archiveOptions(storage, { startedAt }));
		expect(second.file).toBe(first.file);
		await second.abort();
	});
});

describe.each([
	{ codec: 'zstd', encryption: undefined },
	{ codec: 'gzip', encryption: undefined },
	{ codec: 'none', encryption: undefined },
	{ codec: 'zstd', encryption: KEYS },
] as const)('damage to a $codec archive, encryption $encryption (invariants 4 to 6)', ({ codec, encryption }) => {
	async function sample() {
		const { root, storage } = temporaryStorage();
		const options = encryption ? { codec: { name: codec }, encryption } : { codec: { name: codec } };
		const { manifest, raw, key } = await writeSample(storage, options);
		const file = path.join(root, key);
		const open = () => openArchive(storage, { manifest, folder: 'postgres' }, encryption);
		return { manifest, raw, file, whole: readFileSync(file), open };
	}

	async function expectCaught({ open, raw }: Awaited<ReturnType<typeof sample>>): Promise<void> {
		const corrupt = { code: 'ARCHIVE_CORRUPT' };
		const reader = await open();
		await expect(reader.verifyStored()).rejects.toMatchObject(corrupt);
		const seen: Buffer[] = [];
		const reading = (async () => {
			for await (const chunk of reader.raw()) seen.push(chunk as Buffer);
		})();
		await expect(reading).rejects.toMatchObject(corrupt);
		const handedOut = Buffer.concat(seen);
		expect(handedOut.length).toBeLessThan(raw.length);
		expect(handedOut.equals(raw.subarray(0, handedOut.length))).toBe(true);
		// The SHA-256 of each frame finds it, and in an encrypted file that of the whole file, which covers what is around them.
		await expect(partsOf(reader)).rejects.toMatchObject(corrupt);
	}

	const runs = { numRuns: encryption ? 12 : 60 };

	it('is caught wherever one bit is flipped', async () => {
		const archive = await sample();
		await fc.assert(
			fc.asyncProperty(fc.nat(archive.whole.length * 8 - 1), async (bit) => {
				const damaged = Buffer.from(archive.whole);
				damaged[bit >> 3]! ^= 1 << (bit & 7);
				writeFileSync(archive.file, damaged);
				await expectCaught(archive);
			}),
			{ ...runs, examples: [[0], [5], [80], [archive.whole.length * 8 - 1]] },
		);
	});

	it('is caught wherever it is cut off, and whatever is added', async () => {
		const archive = await sample();
		await fc.assert(
			fc.asyncProperty(fc.nat(archive.whole.length - 1), async (length) => {
				writeFileSync(archive.file, archive.whole.subarray(0, length));
				await expectCaught(archive);
			}),
			runs,
		);
		for (const tail of [Buffer.alloc(1), Buffer.alloc(4096), archive.whole]) {
			writeFileSync(archive.file, Buffer.concat([archive.whole, tail]));
			await expectCaught(archive);
		}
	});

	it('is caught when a part of it stands in the place of another', async () => {
		const archive = await sample();
		const [first, second, third] = archive.manifest.parts.map((part) =>
			archive.whole.subarray(part.offset, part.offset + part.length),
		);
		for (const order of [
			[second, first, third],
			[first, third, second],
			[third, second, first],
		]) {
			const rest = archive.whole.subarray(archive.manifest.size.compressed);
			writeFileSync(archive.file, Buffer.concat([...order.map((piece) => piece!), rest]));
			await expectCaught(archive);
		}
	});

	it('passes for no archive when the manifest does not add up', async () => {
		const { manifest, open } = await sample();
		manifest.parts[1]!.offset += 1;
		await expect(open()).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
	});

	it('shows when the file is gone', async () => {
		const { root, storage } = temporaryStorage();
		const { manifest, key } = await writeSample(storage);
		await storage.remove(key);
		expect(root).toBeTruthy();
		const reader = await openArchive(storage, { manifest, folder: 'postgres' });
		await expect(reader.verifyStored()).rejects.toMatchObject({ code: 'STORAGE_MISSING' });
		await expect(collect(reader.raw())).rejects.toMatchObject({ code: 'STORAGE_MISSING' });
	});
});

describe('memory (invariant 7)', () => {
	it('stops the callers of frame while the storage does not take anything', async () => {
		const { storage } = temporaryStorage();
		let release = () => {};
		const gate = new Promise<void>((resolve) => (release = resolve));
		const write: Storage['write'] = async (key, source, options) => {
			const slow = async function* () {
				for await (const chunk of source) {
					await gate;
					yield chunk;
				}
			};
			return await storage.write(key, slow(), options);
		};
		const writer = await createArchive({
			...archiveOptions(storage, { codec: { name: 'none' } }),
			storage: withFaults(storage, { write }),
		});
		let handedIn = 0;
		const writing = (async () => {
			for (; handedIn < 60; handedIn++) await writer.frame({ type: 'data' }, Buffer.alloc(1 << 20));
		})();
		await new Promise((resolve) => setTimeout(resolve, 200));
		expect(handedIn).toBeLessThan(20);
		release();
		await writing;
		expect((await writer.commit(DETAILS)).size.raw).toBe(60 << 20);
	});
});

describe('secrets (invariant 8)', () => {
	it('are neither in the manifest nor in the errors of a wrong passphrase', async () => {
		const { root, storage } = temporaryStorage();
		const { manifest, key } = await writeSample(storage, { encryption: KEYS });
		expect(readFileSync(path.join(root, `${key}.manifest.json`), 'utf8')).not.toContain(KEYS.passphrase);
		const reader = await openArchive(storage, { manifest, folder: 'postgres' }, { passphrase: 'tr0ub4dor' });
		const error = await collect(reader.raw()).catch((thrown: Error) => thrown);
		expect(JSON.stringify([error, (error as Error).message, (error as Error).stack])).not.toContain('tr0ub4dor');
	});
});

/** Encrypted archives are read by ranges, as others are: only what is wanted, and nothing that was changed. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';

import fc from 'fast-check';
import * as openpgp from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';

import {
	type CodecName,
	createArchive,
	type DecryptionKeys,
	type EncryptionKeys,
	type Manifest,
	openArchive,
} from '../../../../engine/archive';
import { layoutOf } from '../../../../engine/archive/encryption/layout';
import { FolderStorage, type ReadOptions } from '../../../../engine/storage';
import { noise } from '../../../random/bytes';
import { archiveOptions, collect, DETAILS, temporaryStorage } from '../support';
import { asBefore } from './before';

const random = noise('archive/encryption/ranges');
const PASSPHRASE = 'long enough a passphrase';
const MIB = 1024 * 1024;
/** Bytes of the literal packet's head, which its first piece begins with. */
const LITERAL_HEAD = 6;

let encryption: EncryptionKeys;
let decryption: DecryptionKeys;

beforeAll(async () => {
	const { publicKey, privateKey } = await openpgp.generateKey({ userIDs: [{ name: 'Backup' }] });
	encryption = { publicKeys: [publicKey] };
	decryption = { privateKeys: [{ armored: privateKey }] };
});

/** Notes what is read of archives. */
class NotingStorage extends FolderStorage {
	reads: { start: number; end: number }[] = [];

	override async read(key: string, options: ReadOptions = {}): Promise<Readable> {
		const { start = 0, end = Infinity } = options;
		this.reads.push({ start, end });
		return await super.read(key, options);
	}

	get bytes(): number {
		return this.reads.reduce((bytes, { start, end }) => bytes + end - start, 0);
	}
}

async function written(frames: Buffer[], keys: EncryptionKeys, codec: CodecName = 'none') {
	const { root, storage } = temporaryStorage();
	const writer = await createArchive(archiveOptions(storage, { encryption: keys, codec: { name: codec } }));
	for (const frame of frames) {
		await writer.frame({ type: 'data' }, frame);
		await writer.drain();
	}
	const manifest = await writer.commit(DETAILS);
	return { root, key: writer.key, file: path.join(root, writer.key), manifest };
}

async function opened({ root, manifest }: { root: string; manifest: Manifest }, keys: DecryptionKeys) {
	const storage = new NotingStorage({ root });
	return { storage, reader: await openArchive(storage, { manifest, folder: 'postgres' }, keys) };
}

type Opened = Awaited<ReturnType<typeof opened>>;

async function partsOf({ reader }: Opened, wanted: (index: number) => boolean): Promise<Map<number, Buffer>> {
	const found = new Map<number, Buffer>();
	for await (const { index, raw } of reader.parts((_, at) => wanted(at))) {
		found.set(index, Buffer.isBuffer(raw) ? raw : await collect(raw));
	}
	return found;
}

const part = async (archive: Opened, index: number) => (await partsOf(archive, (at) => at === index)).get(index);

function flipped(file: string, whole: Buffer, at: number): void {
	const damaged = Buffer.from(whole);
	damaged[at]! ^= 1 << (at & 7);
	writeFileSync(file, damaged);
}

/** With a size and hash that fit the file. */
function fitting(manifest: Manifest, stored: Buffer): Manifest {
	const sha256 = createHash('sha256').update(stored).digest('hex');
	return { ...manifest, sha256, size: { ...manifest.size, stored: stored.length } };
}

describe('parts of an encrypted archive', () => {
	const size = fc.oneof(
		fc.nat({ max: 2000 }),
		fc.nat({ max: 300_000 }),
		fc.constantFrom(65_530, 65_536, MIB, MIB + 70_000),
	);
	const archives = fc.record({
		sizes: fc.array(size, { minLength: 1, maxLength: 7 }),
		codec: fc.constantFrom<CodecName>('none', 'zstd', 'gzip'),
		// To derive keys from it takes most of the time.
		withPassphrase: fc.nat({ max: 4 }).map((dice) => dice === 0),
		chosen: fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }),
	});

	it('are what was written, whichever are chosen', async () => {
		await fc.assert(
			fc.asyncProperty(archives, async ({ sizes, codec, withPassphrase, chosen }) => {
				const frames = sizes.map((bytes) => random(bytes));
				const archive = await written(frames, withPassphrase ? { passphrase: PASSPHRASE } : encryption, codec);
				const open = await opened(archive, withPassphrase ? { passphrase: PASSPHRASE } : decryption);
				expect(open.reader.readsByRanges).toBe(true);
				const wanted = frames.map((_, index) => index).filter((index) => chosen[index] === true);
				const found = await partsOf(open, (index) => wanted.includes(index));
				expect([...found.keys()]).toEqual(wanted);
				for (const [index, raw] of found) expect(raw.equals(frames[index]!)).toBe(true);
				for (const index of frames.keys()) expect((await part(open, index))?.equals(frames[index]!)).toBe(true);
				expect((await collect(open.reader.raw())).equals(Buffer.concat(frames))).toBe(true);
			}),
			{ numRuns: 30 },
		);
	});

	it('are read alone, with the beginning of the file once', async () => {
		const frames = Array.from({ length: 12 }, (_, index) => random(MIB + index));
		const archive = await written(frames, encryption);
		const open = await opened(archive, decryption);
		await open.reader.checkKeys();
		const head = open.storage.bytes;
		// Session key, then tag, length and version, prefix, tag and length of the literal packet and its head.
		expect(open.storage.reads).toEqual([{ start: 0, end: layoutOf(archive.manifest)!.offset + 3 + 18 + 2 + 6 }]);
		expect(head).toBeLessThan(300);
		for (const index of [7, 0, 11]) {
			open.storage.reads = [];
			expect((await part(open, index))?.equals(frames[index]!)).toBe(true);
			// Lengths of 17 inner pieces and 2 outer ones at most, and up to two blocks of AES in front.
			expect(open.storage.bytes).toBeLessThan(frames[index]!.length + 17 + 2 + 32);
		}
		open.storage.reads = [];
		expect((await partsOf(open, (index) => index === 3 || index === 4 || index === 9)).size).toBe(3);
		expect(open.storage.reads).toHaveLength(2);
		open.storage.reads = [];
		await partsOf(open, () => true);
		expect(open.storage.reads).toEqual([{ start: 0, end: Infinity }]);
	});

	it('are read from the beginning of one that was written before, to the last that is wanted', async () => {
		const frames = [random(MIB), random(700_000), random(3 * MIB), random(200)];
		const keys = { passphrase: PASSPHRASE };
		const archive = await written(frames, keys);
		const manifest = await asBefore(archive.root, archive.key, archive.manifest, PASSPHRASE);
		const open = await opened({ ...archive, manifest }, keys);
		expect(open.reader.readsByRanges).toBe(false);
		await open.reader.checkKeys();
		for (const index of frames.keys()) expect((await part(open, index))?.equals(frames[index]!)).toBe(true);
		expect(open.storage.reads.every(({ start }) => start === 0)).toBe(true);
		expect((await collect(open.reader.raw())).equals(Buffer.concat(frames))).toBe(true);
		// Where the last part is wanted, the whole file is compared: a byte of a part that is skipped, and the last of the MDC.
		const whole = readFileSync(archive.file);
		for (const at of [MIB + 100_000, whole.length - 1]) {
			flipped(archive.file, whole, at);
			await expect(part(open, 3)).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
		}
		expect((await part(open, 0))?.equals(frames[0]!)).toBe(true);
	});
});

describe('a byte that was changed', () => {
	/** The second and the fourth part hold the border of two inner pieces, and of two outer ones. */
	async function sample() {
		const inner = 65_536 - LITERAL_HEAD - 150;
		const frames = [random(inner), random(300), random(MIB - inner - 300 - 200), random(300), random(50)];
		const archive = await written(frames, encryption);
		return { ...archive, frames, whole: readFileSync(archive.file) };
	}

	it.each([1, 3])('is found wherever it was read for part %i', async (index) => {
		const archive = await sample();
		const open = await opened(archive, decryption);
		await open.reader.checkKeys();
		open.storage.reads = [];
		expect((await part(open, index))?.equals(archive.frames[index]!)).toBe(true);
		const { start, end } = open.storage.reads[0]!;
		expect(end - start).toBeGreaterThan(300);
		let unread = 0;
		for (let at = start; at < end; at++) {
			flipped(archive.file, archive.whole, at);
			const raw = await part(open, index).catch((error: { code?: string }) => error.code);
			if (raw === 'ARCHIVE_CORRUPT') continue;
			// The block of cipher text in front is mixed into the first block, whose first bytes belong to the part before.
			expect(at - start).toBeLessThan(16);
			expect((raw as Buffer).equals(archive.frames[index]!)).toBe(true);
			unread++;
		}
		expect(unread).toBeLessThan(16);
	});

	it('is found in what the session key stands in, or matters nothing', async () => {
		const archive = await sample();
		const { offset } = layoutOf(archive.manifest)!;
		for (let at = 0; at < offset + 29; at++) {
			flipped(archive.file, archive.whole, at);
			const raw = await part(await opened(archive, decryption), 1).catch((error: { code?: string }) => error.code);
			if (at >= offset || typeof raw === 'string') expect(raw).toBe('ARCHIVE_CORRUPT');
			else expect(raw?.equals(archive.frames[1]!)).toBe(true);
		}
	});

	it('is no concern of who reads other parts', async () => {
		const archive = await sample();
		flipped(archive.file, archive.whole, archive.whole.length - 1);
		const open = await opened(archive, decryption);
		for (const index of archive.frames.keys()) {
			expect((await part(open, index))?.equals(archive.frames[index]!)).toBe(true);
		}
		await expect(partsOf(open, () => true)).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
	});
});

describe('a layout that is not that of the file', () => {
	const frames = [random(70_000), random(MIB), random(5000)];
	let archive: Awaited<ReturnType<typeof written>>;

	const withPieces = (manifest: Manifest, outer: number, inner: number): Manifest => ({
		...manifest,
		encryption: { ...manifest.encryption!, pieces: { outer, inner } },
	});

	async function expectRefused(manifest: Manifest): Promise<void> {
		const reading = (async () => {
			const open = await opened({ ...archive, manifest }, decryption);
			return await partsOf(open, (index) => index === 1 || index === 2);
		})();
		await expect(reading).rejects.toMatchObject({
			code: expect.stringMatching(/^(ARCHIVE_CORRUPT|MANIFEST_INVALID)$/) as string,
		});
	}

	it('is refused, whatever sizes it states', async () => {
		archive = await written(frames, encryption);
		const sizes = [512, 4096, 32_768, 65_536, 131_072, MIB, 2 * MIB, 2 ** 30];
		for (const outer of sizes) {
			for (const inner of sizes) {
				if (outer === MIB && inner === 65_536) continue;
				await expectRefused(withPieces(archive.manifest, outer, inner));
			}
		}
	});

	it('is refused where the manifest lists a part beyond the end, or the file has bytes after it', async () => {
		archive = await written(frames, encryption);
		const { manifest, file } = archive;
		for (const length of [1, 100, 5 * MIB]) {
			const last = manifest.parts.at(-1)!;
			const { compressed, raw } = manifest.size;
			const beyond = { ...last, offset: compressed, length, rawLength: length };
			const size = { ...manifest.size, compressed: compressed + length, raw: raw + length };
			await expectRefused({ ...manifest, size, parts: [...manifest.parts, beyond] });
		}
		const longer = Buffer.concat([readFileSync(file), Buffer.alloc(10)]);
		writeFileSync(file, longer);
		await expectRefused(fitting(manifest, longer));
	});

	it('is refused of one that was written before', async () => {
		const keys = { passphrase: PASSPHRASE };
		const sealed = await written(frames, keys);
		const before = await asBefore(sealed.root, sealed.key, sealed.manifest, PASSPHRASE);
		const manifest = withPieces(before, MIB, 65_536);
		const open = opened({ ...sealed, manifest }, keys);
		const reading = open.then((archive) => part(archive, 1));
		await expect(reading).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
	});
});

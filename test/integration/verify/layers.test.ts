/**
 * Damage below the hashes: a layer is changed, and every hash and size around it is made to fit, up to the manifest's own. So
 * each layer has to find by itself what is wrong with it. What nobody can find is a whole backup of something else.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as zlib from 'node:zlib';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { formatManifest, type Manifest, type ManifestPart, manifestKeyOf } from '../../../engine';
import { decryptArchive, prepareEncryption, unlockKeys } from '../../../engine/archive/encryption/encryption';
import { FolderStorage } from '../../../engine/storage';
import { type Verdict, verifyBackup } from '../../../engine';
import { collect, inChunks } from '../archive/support';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { anyOf, fewerEncrypted, flipped, makeSubjects, place, type Subject, type Subjects } from './subjects';

/** A part as it lies in the archive, before encryption. */
interface Frame {
	part: ManifestPart;
	bytes: Buffer;
}

const root = temporaryFolder('layers');
const storage = new FolderStorage({ root });
let subjects: Subjects;

beforeAll(async () => {
	subjects = await makeSubjects(storage, root);
});

afterAll(() => removeFolder(root));

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Verifies a subject with another archive, whose size and hash its manifest gets. */
async function verdictWith(subject: Subject, archive: Buffer, changes: Partial<Manifest> = {}): Promise<Verdict> {
	const manifest = { ...subject.manifest, ...changes, sha256: sha256(archive) };
	manifest.size = { ...manifest.size, stored: archive.length };
	writeFileSync(join(root, subject.key), archive);
	// With the proof of the passphrase made anew: it is not what is to find the change.
	const encryptor = await prepareEncryption(subject.encryption);
	const proven = (await encryptor?.prove(manifest)) ?? manifest;
	writeFileSync(join(root, manifestKeyOf(subject.key)), formatManifest(proven));
	try {
		return (await verifyBackup({ storage, key: subject.key, level: 'content', keys: subjects.keys })).verdict;
	} finally {
		writeFileSync(join(root, subject.key), subject.archive);
		writeFileSync(join(root, manifestKeyOf(subject.key)), subject.text);
	}
}

/** What an archive holds below its encryption, if any. */
async function opened({ manifest: { encryption } }: Subject, archive: Buffer): Promise<Buffer> {
	if (!encryption) return archive;
	const keys = await unlockKeys(encryption, subjects.keys);
	return await collect(decryptArchive(inChunks(archive, 4096), keys, encryption));
}

async function framesOf(subject: Subject): Promise<Frame[]> {
	const { manifest } = subject;
	const compressed = await opened(subject, subject.archive);
	return manifest.parts.map((part) => ({
		part,
		bytes: compressed.subarray(part.offset, part.offset + part.length),
	}));
}

/** Verifies a subject whose frames are others, with hashes, offsets and sizes that fit; and encrypted anew. */
async function verdictOf(subject: Subject, frames: Frame[], rawLengthOf = ({ part }: Frame) => part.rawLength) {
	let offset = 0;
	const parts = frames.map((frame) => {
		const { part, bytes } = frame;
		const placed = { ...part, offset, length: bytes.length, rawLength: rawLengthOf(frame), sha256: sha256(bytes) };
		offset += bytes.length;
		return placed;
	});
	const raw = parts.reduce((sum, { rawLength }) => sum + rawLength, 0);
	const compressed = Buffer.concat(frames.map(({ bytes }) => bytes));
	const encryptor = await prepareEncryption(subject.encryption);
	const archive = encryptor ? await collect(encryptor.encrypt(inChunks(compressed, 4096))) : compressed;
	return await verdictWith(subject, archive, { parts, size: { raw, compressed: offset, stored: archive.length } });
}

/** Encryption takes a while, and is the same for all kinds: encrypted archives get fewer runs. */
async function forAll(
	codecs: Parameters<typeof anyOf>[2],
	runs: { plain: number; encrypted: number },
	property: (subject: Subject, at: number, other: number) => Promise<void>,
): Promise<void> {
	for (const encrypted of [false, true]) {
		const numRuns = encrypted ? runs.encrypted : runs.plain;
		if (numRuns > 0)
			await fc.assert(fc.asyncProperty(anyOf(subjects, encrypted, codecs), place, place, property), { numRuns });
	}
}

const ALL = ['zstd', 'gzip', 'none'] as const;
const COMPRESSED = ['zstd', 'gzip'] as const;

/** Which of the frames a place is in, as one that is not empty. */
function frameAt(frames: Frame[], at: number): number {
	const filled = frames.flatMap(({ bytes }, index) => (bytes.length > 0 ? [index] : []));
	return filled[Math.floor(at * filled.length)]!;
}

function unpacked(codec: string, bytes: Buffer): Buffer {
	return codec === 'zstd' ? zlib.zstdDecompressSync(bytes) : zlib.gunzipSync(bytes);
}

describe('the layers of a backup', () => {
	it('pass as they are, sealed anew', async () => {
		for (const subject of fewerEncrypted(subjects)) {
			expect(await verdictOf(subject, await framesOf(subject)), subject.key).toBe('passed');
		}
	});

	it('each find a flipped bit in the stored bytes: the frames, and OpenPGP’s integrity check', async () => {
		await forAll(ALL, { plain: 100, encrypted: 40 }, async (subject, at, bit) => {
			const changed = flipped(subject.archive, at, bit);
			if ((await verdictWith(subject, changed)) !== 'passed') return;
			// Of OpenPGP's session key a few bits say nothing: by those, numbers tell their own length.
			expect(subject.manifest.encryption).not.toBeNull();
			expect((await opened(subject, changed)).equals(await opened(subject, subject.archive))).toBe(true);
		});
	});

	it('find stored bytes that are cut off, or more of them', async () => {
		await forAll(ALL, { plain: 40, encrypted: 10 }, async (subject, at, more) => {
			const { archive } = subject;
			expect(await verdictWith(subject, archive.subarray(0, Math.floor(at * archive.length)))).not.toBe('passed');
			const extra = Buffer.alloc(1 + Math.floor(more * 2000), Math.floor(at * 256));
			expect(await verdictWith(subject, Buffer.concat([archive, extra]))).not.toBe('passed');
		});
	});

	it('find a flipped bit of a compressed frame, unless the same comes out', async () => {
		await forAll(COMPRESSED, { plain: 150, encrypted: 10 }, async (subject, at, bit) => {
			const frames = await framesOf(subject);
			const index = frameAt(frames, at);
			const { part, bytes } = frames[index]!;
			const changed = flipped(bytes, (at * 7919) % 1, bit);
			if ((await verdictOf(subject, frames.with(index, { part, bytes: changed }))) !== 'passed') return;
			const { codec } = subject.manifest;
			expect(unpacked(codec.name, changed).equals(unpacked(codec.name, bytes))).toBe(true);
		});
	});

	it('find a compressed frame that is cut off, or goes on after its end', async () => {
		await forAll(COMPRESSED, { plain: 60, encrypted: 5 }, async (subject, at, other) => {
			const frames = await framesOf(subject);
			const index = frameAt(frames, at);
			const { part, bytes } = frames[index]!;
			const shorter = bytes.subarray(0, Math.floor(other * bytes.length));
			expect(await verdictOf(subject, frames.with(index, { part, bytes: shorter }))).not.toBe('passed');
			const extra = Buffer.alloc(1 + Math.floor(other * 100), Math.floor(at * 256));
			const longer = Buffer.concat([bytes, extra]);
			expect(await verdictOf(subject, frames.with(index, { part, bytes: longer }))).not.toBe('passed');
		});
	});

	it('find a part that is left out, there twice, empty or in another place', async () => {
		const many = subjects.all.filter(({ manifest: { parts }, encryption }) => parts.length > 1 && !encryption);
		for (const subject of many) {
			const frames = await framesOf(subject);
			for (const [index, frame] of frames.entries()) {
				// What large objects hold is counted by nobody; padding may be empty.
				if (frame.part.type === 'large-objects' || frame.part.rawLength === 0) continue;
				const what = `${subject.key}, part ${index} (${frame.part.type})`;
				expect(await verdictOf(subject, frames.toSpliced(index, 1)), `${what} left out`).toBe('failed');
				// A tar may have more than two blocks of zeros at its end.
				if (frame.part.type === 'padding') continue;
				expect(await verdictOf(subject, frames.toSpliced(index, 0, frame)), `${what} twice`).toBe('failed');
			}
			expect(await verdictOf(subject, []), subject.key).toBe('failed');
			expect(await verdictOf(subject, frames.toReversed()), `${subject.key} reversed`).toBe('failed');
		}
	});

	it('find content that is cut off, or goes on after its end', async () => {
		await forAll(['none'], { plain: 100, encrypted: 5 }, async (subject, at, other) => {
			const frames = await framesOf(subject);
			const index = frameAt(frames, at);
			const { part, bytes } = frames[index]!;
			const lengthOf = (frame: Frame) => frame.bytes.length;
			// A script is whole wherever a statement ends; that it is not all of it shows by its closing line alone.
			fc.pre(
				index === frames.length - 1 || !['settings', 'pre-data', 'large-objects', 'post-data'].includes(part.type),
			);
			const needed = bytes.toString('latin1').replace(/\s*(?:--)?\s*$/, '').length;
			const shorter = bytes.subarray(0, Math.floor(other * needed));
			expect(await verdictOf(subject, frames.with(index, { part, bytes: shorter }), lengthOf)).toBe('failed');
			const longer = Buffer.concat([bytes, Buffer.from('\nx')]);
			expect(await verdictOf(subject, frames.with(index, { part, bytes: longer }), lengthOf)).toBe('failed');
		});
	});
});

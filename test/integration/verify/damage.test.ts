/**
 * Damage of every sort to backups of every kind, in every form: none of it may ever pass. The manifest's own checksum covers
 * all of its values and names; what may change unnoticed is the white space between them.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type DecryptionKeys, formatManifest, type ManifestPart, manifestKeyOf, parseManifest } from '../../../engine';
import { FolderStorage } from '../../../engine/storage';
import { type VerificationReport, verifyBackup } from '../../../engine';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { anyOf, fewerEncrypted, flipped, makeSubjects, place, type Subject, type Subjects } from './subjects';

const root = temporaryFolder('damage');
const storage = new FolderStorage({ root });
let subjects: Subjects;

beforeAll(async () => {
	subjects = await makeSubjects(storage, root);
});

afterAll(() => removeFolder(root));

/** Verifies a backup while its archive or its manifest are others; undefined is none at all. */
async function verifyWith(
	subject: Subject,
	change: { archive?: Buffer; text?: string | Buffer | undefined },
	keys: DecryptionKeys = subjects.keys,
): Promise<VerificationReport> {
	const { key, archive, text } = { ...subject, ...change };
	writeFileSync(join(root, key), archive);
	if (text === undefined) rmSync(join(root, manifestKeyOf(key)));
	else writeFileSync(join(root, manifestKeyOf(key)), text);
	try {
		return await verifyBackup({ storage, key, level: 'content', keys });
	} finally {
		writeFileSync(join(root, key), subject.archive);
		writeFileSync(join(root, manifestKeyOf(key)), subject.text);
	}
}

/** Encryption takes a while, and is the same for all kinds: encrypted archives get fewer runs. */
async function forAll(
	property: (subject: Subject, at: number, other: number) => Promise<void>,
	runs: { plain: number; encrypted: number },
): Promise<void> {
	for (const [encrypted, numRuns] of [
		[false, runs.plain],
		[true, runs.encrypted],
	] as const) {
		await fc.assert(fc.asyncProperty(anyOf(subjects, encrypted), place, place, property), { numRuns });
	}
}

describe('a backup', () => {
	it('passes as long as nothing happens to it', async () => {
		for (const subject of subjects.all) {
			const { verdict, findings } = await verifyWith(subject, {});
			expect({ verdict, findings }).toEqual({ verdict: 'passed', findings: [] });
		}
	});

	it('fails with any bit of its archive flipped', async () => {
		await forAll(
			async (subject, at, bit) => {
				const { verdict } = await verifyWith(subject, { archive: flipped(subject.archive, at, bit) });
				expect(verdict).toBe('failed');
			},
			{ plain: 200, encrypted: 30 },
		);
	});

	it('fails where its archive was cut off anywhere, or goes on', async () => {
		await forAll(
			async (subject, at, more) => {
				const { archive } = subject;
				const cut = archive.subarray(0, Math.floor(at * archive.length));
				expect((await verifyWith(subject, { archive: cut })).verdict).toBe('failed');
				const extra = Buffer.alloc(1 + Math.floor(more * 2000), Math.floor(at * 256));
				expect((await verifyWith(subject, { archive: Buffer.concat([archive, extra]) })).verdict).toBe('failed');
			},
			{ plain: 40, encrypted: 10 },
		);
	});

	it('fails with any bit of its manifest flipped that means something', async () => {
		await forAll(
			async (subject, at, bit) => {
				const text = flipped(Buffer.from(subject.text), at, bit);
				const { verdict } = await verifyWith(subject, { text });
				if (verdict === 'passed') expect(parseManifest(text.toString('utf8'), '')).toEqual(subject.manifest);
				// A later version of the format and a cipher without a key are no faults of the backup.
				else if (verdict === 'incomplete') expect(text.toString('utf8')).toMatch(/"formatVersion": (?!1,)\d|ncryption/);
			},
			{ plain: 200, encrypted: 25 },
		);
	});

	it('never passes where its manifest was cut off', async () => {
		await forAll(
			async (subject, at) => {
				const text = subject.text.slice(0, Math.floor(at * (subject.text.length - 1)));
				expect((await verifyWith(subject, { text })).verdict).toBe('failed');
			},
			{ plain: 40, encrypted: 5 },
		);
	});

	it('fails where two of its frames changed places, and those of the manifest with them or not', async () => {
		const many = subjects.all.filter(({ manifest, encryption }) => manifest.parts.length > 2 && !encryption);
		expect(many.length).toBeGreaterThanOrEqual(3);
		await fc.assert(
			fc.asyncProperty(fc.constantFrom(...many), fc.nat(), fc.nat(), async (subject, first, second) => {
				const { parts } = subject.manifest;
				const [a, b] = [first % parts.length, second % parts.length];
				fc.pre(a !== b && parts[a]!.sha256 !== parts[b]!.sha256);
				const order = parts.map((_, index) => (index === a ? b : index === b ? a : index));
				const frames = order.map((index) => {
					const { offset, length } = parts[index]!;
					return subject.archive.subarray(offset, offset + length);
				});
				const archive = Buffer.concat(frames);
				// An empty part may be anywhere.
				fc.pre(!archive.equals(subject.archive));
				expect((await verifyWith(subject, { archive })).verdict).toBe('failed');
				const moved = inOrder(order.map((index) => parts[index]!));
				const text = formatManifest({ ...subject.manifest, parts: moved });
				expect((await verifyWith(subject, { archive, text })).verdict).toBe('failed');
				expect((await verifyWith(subject, { text })).verdict).toBe('failed');
			}),
			{ numRuns: 40 },
		);
	});

	it('never passes with the manifest of another one, be it renamed', async () => {
		for (const subject of fewerEncrypted(subjects)) {
			for (const other of fewerEncrypted(subjects)) {
				if (other === subject || Boolean(other.encryption) !== Boolean(subject.encryption)) continue;
				const text = formatManifest({ ...other.manifest, file: subject.manifest.file });
				expect((await verifyWith(subject, { text })).verdict).not.toBe('passed');
				expect((await verifyWith(subject, { text: other.text })).verdict).toBe('failed');
			}
		}
	});

	it('fails without its manifest or its archive', async () => {
		for (const subject of subjects.all) {
			const report = await verifyWith(subject, { text: undefined });
			expect(report).toMatchObject({ verdict: 'failed', reached: undefined, manifest: undefined });
			expect(report.findings[0]!.message).toMatch(/has no manifest, so it is not a backup/);
		}
		const [{ key, text }] = subjects.all as [Subject];
		const renamed = `${key}.other`;
		writeFileSync(join(root, manifestKeyOf(renamed)), text);
		expect((await verifyBackup({ storage, key: renamed, level: 'content' })).verdict).toBe('failed');
	});

	it('is incomplete without its key or with another one, and its stored bytes are judged all the same', async () => {
		for (const subject of fewerEncrypted(subjects).filter(({ encryption }) => encryption)) {
			const none = await verifyWith(subject, {}, {});
			expect(none).toMatchObject({ verdict: 'incomplete', reached: undefined, findings: [{ code: 'KEY_MISSING' }] });
			expect(none.findings[0]!.message).toMatch(/is the one that was written/);
			expect(none.storedBytes).toBe(subject.manifest.size.stored);
			const wrong = await verifyWith(subject, {}, subjects.otherKeys);
			expect(wrong).toMatchObject({ verdict: 'incomplete', findings: [{ code: 'KEY_WRONG' }] });
			const damaged = flipped(subject.archive, 0.5, 0.5);
			expect((await verifyWith(subject, { archive: damaged }, {})).verdict).toBe('failed');
			expect((await verifyWith(subject, { archive: damaged }, subjects.otherKeys)).verdict).toBe('failed');
		}
	});
});

/** Parts one after the other. */
function inOrder(parts: ManifestPart[]): ManifestPart[] {
	let offset = 0;
	return parts.map((part) => {
		const placed = { ...part, offset };
		offset += part.length;
		return placed;
	});
}

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { verifyBackup, type VerificationReport } from '../../../engine';
import { type ArchiveReader, createArchive, formatManifest, manifestKeyOf, openArchive } from '../../../engine/archive';
import { BackupError } from '../../../engine/errors';
import type { ReadOptions } from '../../../engine/storage';
import { FolderStorage } from '../../../engine/storage';
import { type BackupSystem, type SystemKind, verifyBackup as verifyWith } from '../../../engine/verify';
import { archiveOptions, DETAILS, temporaryStorage, writeSample } from '../archive/support';

/** A folder on a network that breaks down in the middle of an archive. */
class BreakingStorage extends FolderStorage {
	override async read(key: string, options: ReadOptions = {}): Promise<Readable> {
		const source = await super.read(key, options);
		if (key.endsWith('.json')) return source;
		return Readable.from(
			(async function* () {
				for await (const chunk of source) {
					yield (chunk as Buffer).subarray(0, 100);
					throw new BackupError('STORAGE_UNREACHABLE', 'The network went away.');
				}
			})(),
		);
	}
}

async function sample(encryption?: { passphrase: string }) {
	const { storage, root, files } = temporaryStorage();
	const { key, manifest } = await writeSample(storage, encryption ? { encryption } : {});
	return { storage, root, key, manifest, files };
}

/** A system that brings the kind of the sample with this check. */
function systemWith(check: SystemKind['check']): BackupSystem {
	const kind = { kind: 'postgres' as const, holdsData: true, canBeRestored: true, check };
	return { name: 'sample', title: 'Sample', kinds: [kind], measures: {} };
}

function messages(report: VerificationReport): string {
	return report.findings.map(({ severity, message }) => `${severity}: ${message}`).join('\n');
}

describe('a verification', () => {
	it('takes a backup by its archive, its manifest, what was read of it, or opened', async () => {
		const { storage, key, manifest } = await sample();
		const reader = await openArchive(storage, `${key}.manifest.json`);
		for (const backup of [{ storage, key }, { storage, key: `${key}.manifest.json` }, { reader }]) {
			const report = await verifyBackup({ ...backup, level: 'integrity' });
			expect(report).toMatchObject({ verdict: 'passed', reached: 'integrity', key, manifest });
		}
		const byManifest = await verifyBackup({ storage, manifest, folder: 'postgres', level: 'integrity' });
		expect(byManifest).toMatchObject({ verdict: 'passed', key });
		expect(byManifest.levels).toMatchObject([{ level: 'integrity', counts: { parts: 3 }, findings: [] }]);
	});

	it('tells how far it is, in bytes of the stored file', async () => {
		const { storage, key, manifest } = await sample();
		const seen: number[] = [];
		const onProgress = (bytes: number, total: number) => {
			expect(total).toBe(manifest.size.stored);
			seen.push(bytes);
		};
		await verifyBackup({ storage, key, level: 'integrity', onProgress });
		expect(seen.at(-1)).toBe(manifest.size.stored);
		expect(seen).toEqual([...seen].sort((a, b) => a - b));
	});

	it('is incomplete where the storage fails, encrypted or not', async () => {
		for (const encryption of [undefined, { passphrase: 'p' }]) {
			const { root, key } = await sample(encryption);
			const storage = new BreakingStorage({ root });
			const keys = { passphrase: 'p' };
			for (const level of ['integrity', 'content', 'restore'] as const) {
				const report = await verifyBackup({ storage, key, level, keys });
				expect(report).toMatchObject({ verdict: 'incomplete', reached: undefined });
				expect(messages(report)).toBe('inconclusive: The network went away.');
			}
			expect((await verifyBackup({ storage, key, level: 'content' })).verdict).toBe('incomplete');
		}
	});

	it('is incomplete for a manifest of a later version, and fails for one that cannot be read', async () => {
		const { storage, key } = await sample();
		await storage.replace(`${key}.manifest.json`, Buffer.from('{"formatVersion": 3}'));
		expect(await verifyBackup({ storage, key, level: 'content' })).toMatchObject({
			verdict: 'incomplete',
			findings: [{ severity: 'inconclusive', code: 'MANIFEST_NEWER', hint: expect.stringMatching('Update') as string }],
		});
		await storage.replace(`${key}.manifest.json`, Buffer.from('{"formatVersion": 1}'));
		expect(await verifyBackup({ storage, key, level: 'content' })).toMatchObject({
			verdict: 'failed',
			findings: [{ severity: 'error', code: 'MANIFEST_INVALID' }],
		});
	});

	it('fails where an archive that the backup needs is missing or damaged, by whatever id and key that is', async () => {
		const { storage, root, key: full, manifest } = await sample();
		const writer = await createArchive(archiveOptions(storage, { name: 'increment' }));
		await writer.frame({ type: 'data' }, Buffer.from('more'));
		const { id } = await writer.commit({ ...DETAILS, needs: [manifest.id] });
		const verify = async () => await verifyBackup({ storage, key: writer.key, level: 'integrity' });
		expect(await verify()).toMatchObject({ verdict: 'passed', findings: [] });
		// It needs what needs it: nobody goes round in the circle.
		const text = formatManifest({ ...manifest, needs: [id] });
		await storage.replace(manifestKeyOf(full), Buffer.from(text));
		expect(await verify()).toMatchObject({ verdict: 'passed' });
		const bytes = readFileSync(path.join(root, full));
		bytes[bytes.length >> 1]! ^= 1;
		writeFileSync(path.join(root, full), bytes);
		expect(await verify()).toMatchObject({
			verdict: 'failed',
			findings: [
				{ severity: 'error', part: full, code: 'ARCHIVE_CORRUPT', message: expect.stringContaining('needs') as string },
			],
		});
		await storage.remove(full);
		expect(await verify()).toMatchObject({
			verdict: 'failed',
			findings: [{ severity: 'error', code: 'ARCHIVE_INCOMPLETE', message: expect.stringContaining(full) as string }],
		});
		await storage.remove(manifestKeyOf(full));
		expect(messages(await verify())).toContain(`the one with the id ${manifest.id}`);
		const alone = await openArchive(storage, manifestKeyOf(writer.key));
		expect(await verifyBackup({ reader: alone, level: 'integrity' })).toMatchObject({ verdict: 'incomplete' });
	});

	it('looks no deeper where a level has failed', async () => {
		const { storage, key } = await sample();
		const report = await verifyBackup({ storage, key, level: 'restore' });
		expect(report).toMatchObject({ verdict: 'failed', requested: 'restore', reached: 'integrity' });
		expect(report.levels.map(({ level }) => level)).toEqual(['integrity', 'content']);
	});

	it('calls what a check stumbles over no fault of the backup, and quotes nothing of it', async () => {
		const { storage, key } = await sample();
		const system = systemWith(async (raw) => {
			for await (const chunk of raw) throw new TypeError(`cannot read ${Buffer.from(chunk).toString()}`);
			return { counts: {} };
		});
		const report = await verifyWith([system], { storage, key, level: 'content' });
		expect(report).toMatchObject({ verdict: 'incomplete', reached: 'integrity' });
		expect(messages(report)).toBe('inconclusive: The check itself stopped with TypeError.');
	});

	it('restores into the scratch target of the system that the kind belongs to, and says where there is none', async () => {
		const { storage, key } = await sample();
		const tried: unknown[] = [];
		const system = systemWith(async (raw) => {
			for await (const chunk of raw) void chunk;
			return {
				counts: { things: 3 },
				testRestore: (reader: ArchiveReader, scratch: unknown) => {
					tried.push([reader.key, scratch]);
					return Promise.resolve({ restored: 3 });
				},
			};
		});
		const run = { storage, key, level: 'restore' as const };
		const report = await verifyWith([system], { ...run, scratch: { other: 1, sample: 'here' } });
		expect(report).toMatchObject({ verdict: 'passed', reached: 'restore' });
		expect(report.levels.map(({ counts }) => counts)).toEqual([{ parts: 3 }, { things: 3 }, { restored: 3 }]);
		expect(tried).toEqual([[key, 'here']]);
		for (const scratch of [undefined, {}, { other: 1 }]) {
			const without = await verifyWith([system], { ...run, ...(scratch && { scratch }) });
			expect(without).toMatchObject({ verdict: 'incomplete', reached: 'content' });
			expect(messages(without)).toBe('inconclusive: There is no place for a test restore of Sample.');
		}
		expect(tried).toHaveLength(1);
	});

	it('throws when it is cancelled, and for options that are wrong', async () => {
		const { storage, key } = await sample({ passphrase: 'p' });
		const controller = new AbortController();
		const keys = { passphrase: 'p' };
		const run = verifyBackup({
			storage,
			key,
			keys,
			level: 'content',
			signal: controller.signal,
			onProgress: () => controller.abort(),
		});
		await expect(run).rejects.toMatchObject({ code: 'CANCELLED' });
		await expect(
			verifyBackup({ storage, key, keys, level: 'content', signal: controller.signal }),
		).rejects.toMatchObject({ code: 'CANCELLED' });
		await expect(verifyBackup({ storage, key, level: 'deep' as 'content' })).rejects.toMatchObject({
			code: 'INVALID_INPUT',
		});
	});
});

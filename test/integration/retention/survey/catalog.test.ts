import { gunzipSync, gzipSync } from 'node:zlib';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { formatManifest, manifestKeyOf, parseManifest } from '../../../../engine/archive';
import { readCatalog, type RetentionCatalog } from '../../../../engine/retention';
import { ownFieldsOf } from '../../../../engine/retention/entry';
import type { Storage } from '../../../../engine/storage';
import { changeManifest, pruneBy, temporaryStorage, writeBackup, writeDaily } from '../support';

const CACHE = '.stack-backup/catalog.jsonl.gz';

async function bytesOf(storage: Storage, key: string): Promise<Buffer> {
	const chunks: Uint8Array[] = [];
	for await (const chunk of await storage.read(key)) chunks.push(chunk as Uint8Array);
	return Buffer.concat(chunks);
}

const sorted = ({ entries }: RetentionCatalog) => entries.map(ownFieldsOf).sort((a, b) => (a.key < b.key ? -1 : 1));

describe('the catalogue', () => {
	it('reads a manifest once, and again only when it changes', async () => {
		const storage = temporaryStorage();
		const keys = await writeDaily(storage, 4);
		const first = await readCatalog(storage, { keepCache: true });
		expect(first.manifestsRead).toBe(4);
		const second = await readCatalog(storage, { keepCache: true });
		expect(second.manifestsRead).toBe(0);
		expect(sorted(second)).toEqual(sorted(first));
		await changeManifest(storage, keys[1]!, { pinned: true });
		await storage.remove(manifestKeyOf(keys[2]!));
		const third = await readCatalog(storage, { keepCache: true });
		expect(third.manifestsRead).toBe(1);
		expect(third.entries.filter(({ pinned }) => pinned).map(({ key }) => key)).toEqual([keys[1]]);
		expect(third.entries).toHaveLength(3);
	});

	it('knows an archive that has gone, though its manifest is cached', async () => {
		const storage = temporaryStorage();
		const keys = await writeDaily(storage, 2);
		await readCatalog(storage, { keepCache: true });
		await storage.remove(keys[0]!);
		const { entries } = await readCatalog(storage);
		expect(entries.filter(({ complete }) => !complete).map(({ key }) => key)).toEqual([keys[0]]);
	});

	// Without a passphrase, no line counts where any backup needs others.
	it.each<{ trust: { passphrase?: string }; needs?: string[] }>([
		{ trust: {} },
		{ trust: { passphrase: 'secret' }, needs: ['0b6a3a52-6e0a-4a8f-9d0e-5f1d8c3b7a11'] },
	])('is the same with a cache and without, be it damaged in any one place: %o', async ({ trust, needs }) => {
		const storage = temporaryStorage();
		await writeDaily(storage, 3);
		const more = { name: 'été', tags: ['a', 'b'], pinned: true, ...(needs && { needs }) };
		await writeBackup(storage, 1, { ...more, partial: { content: 'data', selection: ['--table=x'] } });
		await writeBackup(storage, 2, { source: { system: 'postgresql', version: '18', host: 'db', port: 5432 } });
		const fresh = await readCatalog(storage, { keepCache: true, trust });
		const cached = await readCatalog(storage, { trust });
		expect(cached.manifestsRead).toBe(0);
		expect(sorted(cached)).toStrictEqual(sorted(fresh));
		const whole = await bytesOf(storage, CACHE);
		const damaged = fc.oneof(
			fc.record({ at: fc.nat({ max: whole.length - 1 }), bit: fc.nat({ max: 7 }) }).map(({ at, bit }) => {
				const bytes = Buffer.from(whole);
				bytes[at]! ^= 1 << bit;
				return bytes;
			}),
			fc.nat({ max: whole.length - 1 }).map((length) => whole.subarray(0, length)),
		);
		await fc.assert(
			fc.asyncProperty(damaged, async (bytes) => {
				await storage.replace(CACHE, bytes);
				expect(sorted(await readCatalog(storage, { trust }))).toStrictEqual(sorted(fresh));
			}),
			{ numRuns: 100 },
		);
	});

	it('does without a cache of another form or version, and without the lines in it that it cannot use', async () => {
		const storage = temporaryStorage();
		const keys = await writeDaily(storage, 2);
		await readCatalog(storage, { keepCache: true });
		const whole = await bytesOf(storage, CACHE);
		const text = gunzipSync(whole).toString();
		const readWith = async (content: Buffer | string) => {
			await storage.replace(CACHE, typeof content === 'string' ? gzipSync(content) : content);
			const { entries, manifestsRead } = await readCatalog(storage);
			expect(entries.map(({ key }) => key).sort()).toEqual([...keys].sort());
			return manifestsRead;
		};
		expect(await readWith(whole)).toBe(0);
		expect(await readWith(text.replaceAll('"kind":"postgres"', '"kind":"x"'))).toBe(2);
		expect(await readWith(text.replace('"tags":[]', '"tags":"none"'))).toBe(1);
		expect(await readWith(text.replace(/"startedAt":"[^"]*"/, '"startedAt":"then"'))).toBe(1);
		expect(await readWith(text.replace('{"version":5', '{"version":6'))).toBe(2);
		expect(await readWith(text.slice(0, -20))).toBe(2);
		expect(await readWith(`${text}\n\n`)).toBe(0);
		expect(await readWith('')).toBe(2);
		expect(await readWith('x'.repeat(3_000_000))).toBe(2);
		expect(await readWith(Buffer.from(text))).toBe(2);
		expect(await readWith(Buffer.alloc(0))).toBe(2);
	});

	it('knows more backups than the cache holds in one piece', async () => {
		const storage = temporaryStorage();
		const key = await writeBackup(storage, 1);
		const manifest = parseManifest((await bytesOf(storage, manifestKeyOf(key))).toString(), key);
		for (let number = 0; number < 1200; number++) {
			const file = `copy_${number}.sql`;
			await storage.replace(`postgres/${file}.manifest.json`, Buffer.from(formatManifest({ ...manifest, file })));
		}
		const fresh = await readCatalog(storage, { keepCache: true });
		expect([fresh.entries.length, fresh.manifestsRead, fresh.damaged]).toEqual([1201, 1201, []]);
		const cached = await readCatalog(storage);
		expect(cached.manifestsRead).toBe(0);
		expect(sorted(cached)).toStrictEqual(sorted(fresh));
	});

	it('tells what does not belong to backups that can be read', async () => {
		const storage = temporaryStorage();
		const [good, damaged, bare] = (await writeDaily(storage, 3)) as [string, string, string];
		for (const key of [good, damaged, bare]) await storage.replace(`${key}.verification.json`, Buffer.from('{}'));
		await storage.replace(manifestKeyOf(damaged), Buffer.from('{'));
		await storage.remove(manifestKeyOf(bare));
		await storage.replace('postgres/notes.txt', Buffer.from('x'));
		const { entries, recorded, others } = await readCatalog(storage, { keepCache: true });
		expect(entries.map(({ key }) => key)).toEqual([good]);
		expect([...recorded].map(({ key }) => key)).toEqual([good]);
		const expected = [damaged, bare].flatMap((key) => [key, `${key}.verification.json`]);
		expect([...others.keys()].sort()).toEqual([...expected, 'postgres/notes.txt'].sort());
		for (const [key, object] of others) expect(object).toEqual(await storage.stat(key));
	});

	it('has asked after verifications only where there is a record of one', async () => {
		const storage = temporaryStorage();
		const keys = await writeDaily(storage, 3);
		await storage.replace(`${keys[1]}.verification.json`, Buffer.from('{}'));
		const asked: string[] = [];
		const stateOf = ({ key }: { key: string }) => {
			asked.push(key);
			return { verified: 'passed' as const };
		};
		const { rows } = await pruneBy(storage, { last: 1 }, { stateOf, dryRun: true });
		expect(asked).toEqual([keys[1]]);
		expect(rows.map(({ verified }) => verified)).toEqual([null, 'passed', null]);
	});
});

import { readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { formatManifest, keyIn, manifestKeyOf, parseManifest, type Manifest } from '../../../engine/archive';
import { copyBackups } from '../../../engine/copy';
import { COPIED_KEY } from '../../../engine/copy/note';
import type { Storage } from '../../../engine/storage';
import { writeSample } from '../archive/support';
import { changeManifest, intercepted, keysIn, textOf, withManifests } from '../retention/support';
import { copyAll, daily, outcomesOf, temporaryStorage } from './support';

const IDS = ['1', '2', '3'].map((digit) => `${digit.repeat(8)}-1111-4111-8111-${digit.repeat(12)}`);

/** The manifest of a backup put beside an archive of another name, whatever it says. */
async function plant(storage: Storage, like: string, key: string, more: Partial<Manifest>): Promise<void> {
	const manifest = parseManifest(await textOf(storage, manifestKeyOf(like)), like);
	const file = key.slice(key.lastIndexOf('/') + 1);
	const content = formatManifest({ ...manifest, file, id: IDS[2]!, ...more });
	await storage.replace(manifestKeyOf(key), Buffer.from(content));
	await storage.replace(key, Buffer.from(await textOf(storage, like)));
}

describe('a source that is hostile', () => {
	it('cannot have anything written whose name is no archive of what it says', async () => {
		const [source, target] = [temporaryStorage().storage, temporaryStorage().storage];
		const [good] = (await daily(source, 1)) as [string];
		await plant(source, good, 'backup_report.json', {});
		await plant(source, good, 'postgres/.profile', { id: IDS[0]!, name: 'shop' });
		await plant(source, good, '.stack-backup/shop_20260101_000000.sql', { id: IDS[1]! });
		const report = await copyAll(source, target);
		expect(outcomesOf(report)).toEqual({
			'backup_report.json': 'failed',
			'postgres/.profile': 'failed',
			[good]: 'copied',
		});
		expect((await keysIn(target)).filter((key) => !key.endsWith('_latest'))).toEqual(withManifests([good]));
		expect(await target.stat('.stack-backup/shop_20260101_000000.sql')).toBeUndefined();
	});

	it('cannot lead out of the target, neither by keys nor by a link that stands there', async () => {
		const [{ storage: source }, { storage: target, root }, outside] = [
			temporaryStorage(),
			temporaryStorage(),
			temporaryStorage(),
		];
		const [good] = (await daily(source, 1)) as [string];
		// What no storage of ours lists, a server may.
		const lying = intercepted(source, {
			list: async function* (prefix) {
				for await (const object of source.list(prefix)) {
					yield object;
					yield { ...object, key: `../${object.key}` };
				}
			},
			read: async (key, options) => await source.read(key.replace(/^\.\.\//, ''), options),
		});
		symlinkSync(outside.root, join(root, 'postgres'));
		const report = await copyAll(lying, target);
		expect(Object.values(outcomesOf(report))).not.toContain('copied');
		expect([readdirSync(outside.root), outside.files(), readdirSync(join(root, '..')).includes(good)]).toEqual([
			[],
			[],
			false,
		]);
	});

	it('cannot make a run go round in circles of needs, or deep ones', async () => {
		const [source, target] = [temporaryStorage().storage, temporaryStorage().storage];
		const [one, two, good] = (await daily(source, 3)) as [string, string, string];
		await changeManifest(source, one, { id: IDS[0]!, needs: [IDS[1]!] });
		await changeManifest(source, two, { id: IDS[1]!, needs: [IDS[0]!] });
		const report = await copyAll(source, target);
		expect(outcomesOf(report)).toEqual({ [one]: 'failed', [two]: 'failed', [good]: 'copied' });
		expect(report.rows.map(({ error }) => error?.message).join()).toMatch(/needs an archive that needs it in turn/);
	});

	it('cannot fill the target with more than a manifest states', async () => {
		const [source, target] = [temporaryStorage().storage, temporaryStorage().storage];
		const [key] = (await daily(source, 1)) as [string];
		let given = 0;
		const endless = intercepted(source, {
			read: async (name, options) => {
				if (name !== key) return await source.read(name, options);
				const { Readable } = await import('node:stream');
				return Readable.from(
					(async function* () {
						for (;;) {
							given += 1;
							await Promise.resolve();
							yield Buffer.alloc(65_536);
						}
					})(),
				);
			},
		});
		expect(outcomesOf(await copyAll(endless, target))).toEqual({ [key]: 'failed' });
		expect(given).toBeLessThan(100);
		expect(await keysIn(target)).toEqual([]);
	});

	it('cannot pass one backup for another: same ids, changed manifests, forged proofs', async () => {
		const [source, target] = [temporaryStorage().storage, temporaryStorage().storage];
		const encryption = { passphrase: 'open sesame' };
		const real = await writeSample(source, { encryption });
		const forged = await writeSample(source, { name: 'crm', encryption: { passphrase: 'another one' } });
		const plain = await writeSample(source, { name: 'blog' });
		const trust = { passphrase: 'open sesame', requireEncryption: true };
		const report = await copyAll(source, target, { trust });
		expect(outcomesOf(report)).toEqual({ [real.key]: 'copied' });
		expect(report.unreadable.map(({ key }) => key).sort()).toEqual([plain.key, forged.key].sort());
		await changeManifest(source, plain.key, { id: real.manifest.id });
		expect(outcomesOf(await copyAll(source, target))).toMatchObject({ [plain.key]: 'failed' });
		expect(await textOf(target, manifestKeyOf(real.key))).toBe(await textOf(source, manifestKeyOf(real.key)));
	});

	it('is told where a manifest is replaced while it is copied', async () => {
		const [source, target] = [temporaryStorage().storage, temporaryStorage().storage];
		const [one, two] = (await daily(source, 2)) as [string, string];
		let looks = 0;
		const changing = intercepted(source, {
			smallReader: undefined,
			read: async (name, options) => {
				if (name === manifestKeyOf(one) && ++looks === 1) await changeManifest(source, one, { tags: ['x'] });
				return await source.read(name, options);
			},
		});
		const report = await copyAll(changing, target, { parallel: 1 });
		expect(report.rows.map(({ outcome }) => outcome)).toEqual(['failed', 'copied']);
		expect(keyIn('postgres', parseManifest(await textOf(target, manifestKeyOf(two)), two).file)).toBe(two);
	});
});

describe('a target that is hostile', () => {
	it('keeps nothing away by a note, but what is older than what it has', async () => {
		const { storage: source } = temporaryStorage();
		const { storage: target, root } = temporaryStorage();
		await daily(source, 3);
		const ids = [...(await keysIn(source))].filter((key) => key.endsWith('.manifest.json'));
		const noted: Record<string, string> = {};
		for (const key of ids) noted[parseManifest(await textOf(source, key), key).id] = '2999-01-01';
		await target.replace(COPIED_KEY, Buffer.from(JSON.stringify({ formatVersion: 1, ids: noted })));
		expect(Object.values(outcomesOf(await copyAll(source, target)))).toEqual(['copied', 'copied', 'copied']);
		writeFileSync(join(root, COPIED_KEY), '{"formatVersion":1,"ids":{"__proto__":');
		expect(Object.values(outcomesOf(await copyBackups({ source, target, owner: 'test' })))).toEqual(
			Array(3).fill('skipped: there'),
		);
	});
});

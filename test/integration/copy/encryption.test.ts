import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { backUpFiles, drill, findBackup, listManifests, verifyBackup } from '../../../engine';
import { manifestKeyOf, openArchive, scanBackups } from '../../../engine/archive';
import { compareStorages } from '../../../engine/copy';
import type { Storage } from '../../../engine/storage';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { collect, writeSample } from '../archive/support';
import { changeManifest, intercepted, keysIn, pruneBy, textOf, withManifests } from '../retention/support';
import { settled } from '../settled';
import { backUp, baseIn, restored } from '../tree/stage';
import { copyAll, daily, outcomesOf, temporaryStorage } from './support';

const KEYS = { passphrase: 'open sesame' };

it('encrypts on its way, restores from the copy, and gives the original back to the byte', async () => {
	const [source, target, back] = [temporaryStorage().storage, temporaryStorage().storage, temporaryStorage().storage];
	const sample = await writeSample(source, {});
	const sealed = await writeSample(source, { name: 'crm', encryption: { passphrase: 'another' } });
	const report = await copyAll(source, target, { encryption: KEYS });
	expect(outcomesOf(report)).toEqual({ [sample.key]: 'copied', [sealed.key]: 'copied' });
	// What is encrypted already goes as it is.
	const copies = [`${sample.key}.gpg`, sealed.key];
	expect((await keysIn(target)).filter((key) => !key.endsWith('_latest'))).toEqual(withManifests(copies));
	expect(await target.readLatest('postgres/shop_latest')).toBe(copies[0]);
	expect(await textOf(target, copies[0]!)).not.toContain('before');
	const trust = { ...KEYS, requireEncryption: true };
	const found = await findBackup(target, { id: sample.manifest.id }, '', undefined, trust);
	expect(found.key).toBe(copies[0]);
	const reader = await openArchive(target, found.manifestKey, trust);
	expect(await collect(reader.raw())).toEqual(sample.raw);
	expect((await verifyBackup({ storage: target, key: found.key, level: 'integrity', keys: trust })).verdict).toBe(
		'passed',
	);
	// It is known for what it is, also by those who have no key, and is not copied once more.
	expect(Object.values(outcomesOf(await copyAll(source, target)))).toEqual(['skipped: there', 'skipped: there']);
	expect(Object.values(outcomesOf(await copyAll(source, target, { encryption: KEYS })))).toEqual([
		'skipped: there',
		'skipped: there',
	]);
	const compared = await compareStorages({ source, target, readEverything: true });
	expect(compared.map(({ outcome }) => outcome)).toEqual(['same', 'same']);
	// Back again.
	const wrong = await copyAll(target, back, { decrypts: true, trust: { passphrase: 'wrong' } });
	expect(outcomesOf(wrong)).toEqual({ [copies[0]!]: 'failed', [copies[1]!]: 'copied' });
	expect(outcomesOf(await copyAll(target, back, { decrypts: true, trust: KEYS }))).toMatchObject({
		[copies[0]!]: 'copied',
	});
	for (const key of withManifests([sample.key, sealed.key]))
		expect(await textOf(back, key)).toBe(await textOf(source, key));
	expect(await back.readLatest('postgres/shop_latest')).toBe(sample.key);
});

it('encrypts increments with all that they need, and commits nothing of what is damaged', async () => {
	const [source, target, back] = [temporaryStorage().storage, temporaryStorage().storage, temporaryStorage().storage];
	const contents = new Map([['a', Buffer.alloc(3000, 1)]]);
	await backUp(source, contents, { startedAt: new Date(Date.now() - 60_000) });
	contents.set('b', Buffer.alloc(3000, 2));
	const second = await backUp(source, contents, { base: await baseIn(source), checkpointBytes: 1000 });
	const [bad] = (await daily(source, 1)) as [string];
	await source.replace(bad, Buffer.from((await textOf(source, bad)).toUpperCase()));
	const report = await copyAll(source, target, { encryption: KEYS });
	expect(report.rows.filter(({ outcome }) => outcome !== 'copied').map(({ backup }) => backup.key)).toEqual([bad]);
	expect(await target.stat(`${bad}.gpg`)).toBeUndefined();
	const { manifest } = await findBackup(target, { id: second.id });
	expect(manifest.encryption).toMatchObject({ passphrase: true });
	expect(await restored(target, manifest, KEYS)).toEqual(contents);
	await copyAll(target, back, { decrypts: true, trust: KEYS });
	expect(await restored(back, (await findBackup(back, { id: second.id })).manifest)).toEqual(contents);
	expect(await textOf(back, manifestKeyOf(`files/${second.file}`))).toBe(
		await textOf(source, manifestKeyOf(`files/${second.file}`)),
	);
});

it('takes no manifest of another backup for the original, and goes on after a kill', async () => {
	const [source, target, back] = [temporaryStorage().storage, temporaryStorage().storage, temporaryStorage().storage];
	const { key } = await writeSample(source);
	const other = await writeSample(source, { name: 'crm' });
	await copyAll(source, target, { encryption: { publicKeys: [], passphrase: 'x' } });
	const manifests = await Promise.all(
		[key, other.key].map(async (one) => JSON.parse(await textOf(target, manifestKeyOf(`${one}.gpg`)))),
	);
	await changeManifest(target, `${key}.gpg`, { originalManifest: manifests[1].originalManifest, proof: undefined });
	const report = await copyAll(target, back, { decrypts: true, trust: { passphrase: 'x' } });
	expect(outcomesOf(report)).toMatchObject({ [`${key}.gpg`]: 'failed', [`${other.key}.gpg`]: 'copied' });
	expect(report.rows[0]?.error?.code).toBe('MANIFEST_INVALID');
	// An archive whose manifest never came.
	await target.remove(manifestKeyOf(`${other.key}.gpg`));
	expect(outcomesOf(await copyAll(source, target, { encryption: KEYS }))).toMatchObject({ [other.key]: 'conflict' });
	const claim = JSON.stringify({
		token: 't',
		kind: 'postgres',
		name: 'crm',
		file: `${other.manifest.file}.gpg`,
		copy: true,
	});
	await target.replace(`${other.key}.gpg.writing.json`, Buffer.from(claim));
	expect(outcomesOf(await copyAll(source, target, { encryption: KEYS }))).toMatchObject({ [other.key]: 'copied' });
	const found = await findBackup(target, { file: `${other.key}.gpg` }, '', undefined, KEYS);
	expect(await collect((await openArchive(target, found.manifestKey, KEYS)).raw())).toEqual(other.raw);
});

it('is a storage for every tool: encrypted copies are pruned, drilled, catalogued and restored where they are', async () => {
	const [source, target] = [temporaryStorage().storage, temporaryStorage().storage];
	const root = temporaryFolder('files');
	onTestFinished(() => removeFolder(root));
	for (const day of [1, 2, 3]) {
		writeFileSync(path.join(root, `day-${day}`), `day ${day}\n`.repeat(1000));
		await settled(root);
		const incremental = { wholeEvery: 0, leastUse: 0 };
		await backUpFiles({ storage: source, codec: { name: 'zstd' }, root, name: 'docs', incremental });
	}
	await copyAll(source, target, { encryption: KEYS });
	const trust = { ...KEYS, requireEncryption: true };
	const listed = async (storage: Storage) =>
		(await listManifests(storage, '', {}, undefined, trust)).backups.map(({ key }) => key);
	const report = await pruneBy(target, { last: 1 }, { trust });
	// What the newest one needs stays.
	expect(report.deleted).toEqual([]);
	const keys = await listed(target);
	expect(keys).toHaveLength(3);
	await scanBackups(target, { trust, save: 'always', keep: () => undefined });
	let reads = 0;
	const counted = intercepted(target, {
		smallReader: () => async (key, signal) => {
			if (key.endsWith('.manifest.json')) reads++;
			return await target.smallReader()(key, signal);
		},
	});
	expect([await listed(counted), reads]).toEqual([keys, 0]);
	const folder = temporaryFolder('files');
	onTestFinished(() => removeFolder(folder));
	const scratch = { files: { folder } };
	expect(await drill({ storage: target, scratch })).toMatchObject({ verdict: 'incomplete' });
	expect(await drill({ storage: target, scratch, keys: trust })).toMatchObject({
		verdict: 'passed',
		backups: [{ kind: 'files', name: 'docs', reached: 'restore', verdict: 'passed' }],
	});
});

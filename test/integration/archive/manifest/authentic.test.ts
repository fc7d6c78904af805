/** What somebody can do who holds the storage and not the passphrase: each is refused by all that reads backups. */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import {
	createArchive,
	type DecryptionKeys,
	findBackup,
	formatManifest,
	listManifests,
	type Manifest,
	manifestKeyOf,
	openArchive,
	parseManifest,
} from '../../../../engine/archive';
import type { BackupError } from '../../../../engine/errors';
import { copyBackup, prune, readCatalog, setPinned } from '../../../../engine/retention';
import { drill, verifyBackup } from '../../../../engine';
import { temporaryStorage as openStorage } from '../support';

const PASSPHRASE = 'correct horse battery staple';
const KEYS: DecryptionKeys = { passphrase: PASSPHRASE, requireEncryption: true };
const HOUR_MS = 3_600_000;

function temporaryStorage() {
	const { root, storage } = openStorage();
	/** A backup begun some hours ago. */
	const write = async (hoursAgo: number, more: { folder?: string; passphrase?: string | null; text?: string } = {}) => {
		const { folder = 'n8n', passphrase = PASSPHRASE, text = `[${hoursAgo}]` } = more;
		const startedAt = new Date(Date.now() - hoursAgo * HOUR_MS);
		const name = { storage, folder, name: 'home', extension: 'json', kind: 'n8n' as const, startedAt };
		const writer = await createArchive({
			...name,
			codec: { name: 'none' },
			...(passphrase !== null && { encryption: { passphrase } }),
		});
		await writer.frame({ type: 'stream' }, Buffer.from(text));
		await writer.commit({ source: { system: 'test', version: '1' }, counts: {} });
		return writer.key;
	};
	const manifestOf = (key: string) => parseManifest(readFileSync(join(root, manifestKeyOf(key)), 'utf8'), key);
	const setManifest = (key: string, manifest: Manifest) =>
		writeFileSync(join(root, manifestKeyOf(key)), formatManifest(manifest));
	const move = (from: string, to: string) => {
		mkdirSync(join(root, to, '..'), { recursive: true });
		copyFileSync(join(root, from), join(root, to));
	};
	return { root, storage, write, manifestOf, setManifest, move };
}

type World = ReturnType<typeof temporaryStorage>;

/** Each leaves the key of the backup that is now the attacker's. */
const ATTACKS: Array<[string, string, (world: World, key: string) => Promise<string>]> = [
	[
		'an unencrypted backup of his own',
		'NOT_AUTHENTIC',
		async ({ write }) => await write(0.5, { passphrase: null, text: '["forged"]' }),
	],
	[
		'one encrypted with a passphrase of his own',
		'KEY_WRONG',
		async ({ write }) => await write(0.5, { passphrase: 'his own', text: '["forged"]' }),
	],
	[
		'a manifest with another beginning, its checksum computed anew',
		'MANIFEST_INVALID',
		async ({ manifestOf, setManifest }, key) => {
			setManifest(key, { ...manifestOf(key), startedAt: new Date().toISOString() });
			return key;
		},
	],
	[
		'a manifest without its proof',
		'NOT_AUTHENTIC',
		async ({ manifestOf, setManifest }, key) => {
			const { proof: _proof, ...manifest } = manifestOf(key);
			setManifest(key, manifest);
			return key;
		},
	],
	[
		'a manifest of the first version',
		'NOT_AUTHENTIC',
		async ({ manifestOf, setManifest }, key) => {
			const { proof: _proof, folder: _folder, ...manifest } = manifestOf(key);
			setManifest(key, { ...manifest, formatVersion: 1 });
			return key;
		},
	],
	[
		'an older genuine backup under the name of the newest',
		'MANIFEST_INVALID',
		async ({ write, manifestOf, setManifest, move }, key) => {
			const older = await write(30);
			move(older, key);
			setManifest(key, { ...manifestOf(older), file: manifestOf(key).file });
			return key;
		},
	],
	[
		'a genuine backup of another folder',
		'NOT_AUTHENTIC',
		async ({ write, manifestOf, move }, key) => {
			const other = await write(0.2, { folder: 'staging' });
			const file = `n8n/${manifestOf(other).file}`;
			move(other, file);
			move(manifestKeyOf(other), manifestKeyOf(file));
			expect(file).not.toBe(key);
			return file;
		},
	],
];

async function codeOf(work: Promise<unknown>): Promise<string> {
	return await work.then(
		() => 'done',
		(error: BackupError) => {
			expect(`${error.message} ${error.hint}`).not.toContain(PASSPHRASE);
			return error.code;
		},
	);
}

describe('whoever holds the passphrase', () => {
	it('is never told to remove the manifest of what may be a genuine backup of before', async () => {
		const { storage, write } = temporaryStorage();
		const genuine = await write(2);
		const plain = await write(1, { passphrase: null });
		const refused = await findBackup(storage, { latest: 'home' }, 'n8n/', undefined, KEYS).catch((e: unknown) => e);
		expect(refused).toMatchObject({ code: 'NOT_AUTHENTIC', hint: expect.stringContaining(genuine) as string });
		expect((refused as BackupError).hint).not.toContain(`remove ${manifestKeyOf(plain)}`);
	});

	it('finds, opens and verifies what is genuine, pinned and as a weekly copy too', async () => {
		const { storage, write } = temporaryStorage();
		const key = await write(1);
		await setPinned({ storage, reference: { file: key }, pinned: true, owner: 'test' });
		const copy = await copyBackup(storage, key, 'weekly/2026_W05');
		for (const file of [key, copy]) {
			const { manifest, folder } = await findBackup(storage, { file }, '', undefined, KEYS);
			expect(manifest.pinned).toBe(true);
			const reader = await openArchive(storage, { manifest, folder }, KEYS);
			expect((await reader.raw().toArray()).join('')).toBe('[1]');
			expect(await verifyBackup({ storage, key: file, level: 'content', keys: KEYS })).toMatchObject({
				verdict: 'passed',
			});
		}
	});

	it.each(ATTACKS)('is not taken in by %s', async (_what, code, attack) => {
		const world = temporaryStorage();
		const { storage, write } = world;
		const genuine = await write(20);
		const key = await attack(world, await write(2));
		const { backups, damaged } = await listManifests(storage, 'n8n/', {}, undefined, KEYS);
		expect(damaged.map(({ manifestKey, error }) => [manifestKey, error.code])).toEqual([[manifestKeyOf(key), code]]);
		expect(backups.map((backup) => backup.key)).toContain(genuine);
		for (const reference of [{ latest: 'home' }, { file: key }]) {
			expect(await codeOf(findBackup(storage, reference, 'n8n/', undefined, KEYS))).toBe(code);
		}
		const { id } = world.manifestOf(key);
		const byId = findBackup(storage, { id }, 'n8n/', undefined, KEYS);
		// What is not genuine does not hide the genuine manifest whose id it states.
		const original = backups.find(({ manifest }) => manifest.id === id);
		if (original) expect((await byId).key).toBe(original.key);
		else expect(await codeOf(byId)).toBe(code);
		const where = { manifest: world.manifestOf(key), folder: 'n8n' };
		expect(await codeOf(openArchive(storage, where, KEYS))).toBe(code);
		const { verdict, findings } = await verifyBackup({ storage, key, level: 'content', keys: KEYS });
		const bad = { MANIFEST_INVALID: 'failed' }[code] ?? 'incomplete';
		expect([verdict, findings[0]?.code]).toEqual([bad, code]);
		const drilled = await drill({ storage, prefixes: ['n8n/'], scratch: {}, keys: KEYS });
		expect(drilled.verdict).toBe('failed');
		// How to try n8n is not known, so that the drill does it for the manifest's sake.
		const told = drilled.gaps.filter(({ reason }) => reason !== 'unknown');
		expect(told).toMatchObject([{ reason: 'damaged', key: manifestKeyOf(key) }]);
	});

	it.each(ATTACKS)('prunes nothing for the sake of %s', async (_what, _code, attack) => {
		const world = temporaryStorage();
		const { storage, write } = world;
		const genuine = [await write(20), await write(25)];
		const key = await attack(world, await write(2));
		const policy = { rules: { last: 1 }, maxDeletedShare: 1 };
		for (const run of [1, 2]) {
			const report = await prune({ storage, policy, prefixes: ['n8n/'], trust: KEYS, owner: 'test' });
			expect(report.damaged.map(({ manifestKey }) => manifestKey)).toContain(manifestKeyOf(key));
			expect(await storage.stat(key)).toBeDefined();
			// The newest that is believed stays, and those before it go.
			const [newest] = report.rows.filter(({ verdict }) => verdict === 'keep');
			expect(newest?.key).not.toBe(key);
			if (run === 1) expect(report.deleted.map((entry) => entry.key)).toContain(genuine[1]);
		}
	});

	it('takes what carries no proof where that was switched off, and still nothing that was changed', async () => {
		const { storage, write, manifestOf, setManifest } = temporaryStorage();
		const lax = { passphrase: PASSPHRASE, requireEncryption: false };
		const key = await write(2);
		const { proof, ...manifest } = manifestOf(key);
		setManifest(key, manifest);
		expect(await codeOf(openArchive(storage, manifestKeyOf(key), lax))).toBe('done');
		expect(await codeOf(openArchive(storage, manifestKeyOf(await write(3, { passphrase: null })), lax))).toBe('done');
		setManifest(key, { ...manifest, name: 'other', proof });
		expect(await codeOf(openArchive(storage, manifestKeyOf(key), lax))).toBe('MANIFEST_INVALID');
	});
});

describe('the catalogue of a run with the passphrase', () => {
	const CACHE = '.stack-backup/catalog.jsonl.gz';

	async function world() {
		const made = temporaryStorage();
		const forged = [await made.write(1, { passphrase: null }), await made.write(2)];
		return { ...made, forged: forged[0]!, genuine: forged[1]! };
	}
	const keysOf = async ({ storage }: World) => {
		const { entries, manifestsRead } = await readCatalog(storage, { trust: KEYS });
		return { keys: entries.map(({ key }) => key), manifestsRead };
	};

	it('believes what was stored by a run with it, and nothing of one without', async () => {
		const made = await world();
		await readCatalog(made.storage, { keepCache: true });
		expect(await keysOf(made)).toEqual({ keys: [made.genuine], manifestsRead: 1 });
		await readCatalog(made.storage, { keepCache: true, trust: KEYS });
		expect(await keysOf(made)).toEqual({ keys: [made.genuine], manifestsRead: 0 });
		// A run that takes what carries no proof stores that as well, and what the stricter one has found stays.
		await readCatalog(made.storage, { keepCache: true, trust: { passphrase: PASSPHRASE } });
		expect(await keysOf(made)).toEqual({ keys: [made.genuine], manifestsRead: 0 });
		const lax = await readCatalog(made.storage, { trust: { passphrase: PASSPHRASE } });
		expect([lax.entries.length, lax.manifestsRead]).toEqual([2, 0]);
		// So do runs without a passphrase, which cannot tell, and leave it as it is.
		await made.write(3);
		const open = await readCatalog(made.storage, { keepCache: true });
		expect([open.entries.length, open.manifestsRead]).toEqual([3, 1]);
		expect((await keysOf(made)).manifestsRead).toBe(1);
	});

	it('believes nothing that was stored by a run with another passphrase', async () => {
		const made = await world();
		await readCatalog(made.storage, { keepCache: true, trust: { passphrase: 'another one' } });
		expect(await keysOf(made)).toEqual({ keys: [made.genuine], manifestsRead: 1 });
	});

	it('believes no stored line that was changed, added or moved', async () => {
		const made = await world();
		rmSync(join(made.root, manifestKeyOf(made.forged)));
		await readCatalog(made.storage, { keepCache: true, trust: KEYS });
		const lines = gunzipSync(readFileSync(join(made.root, CACHE)))
			.toString()
			.split('\n');
		expect(lines).toHaveLength(3);
		const [head, line] = lines as [string, string];
		const [facts, seal] = line.split('\t') as [string, string];
		const moved = facts.replaceAll('home_', 'home2_');
		const changes = [
			[head, `${facts.replace('"tags":[]', '"tags":["x"]')}\t${seal}`, ''],
			[head, facts, ''],
			[head, ''],
			[head, `${moved}\t${seal}`, ''],
			[head, `${facts}\t00${seal.slice(2)}`, ''],
			[head, `${facts}\t${seal.slice(0, -2)}zz`, ''],
			[head, `${facts}\t${seal.slice(0, 32)}0${seal.slice(33)}`, ''],
			[
				head,
				...Array.from({ length: 40 }, (_, salt) => `${facts}\t${String(salt).padStart(32, '0')}${seal.slice(32)}`),
				'',
			],
		];
		for (const [index, changed] of changes.entries()) {
			writeFileSync(join(made.root, CACHE), gzipSync(changed.join('\n')));
			expect({ index, ...(await keysOf(made)) }).toEqual({ index, keys: [made.genuine], manifestsRead: 1 });
		}
		writeFileSync(join(made.root, CACHE), gzipSync(lines.join('\n')));
		expect((await keysOf(made)).manifestsRead).toBe(0);
	});
});

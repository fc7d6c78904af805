import { beforeAll, describe, expect, it } from 'vitest';

import {
	formatManifest,
	isAuthentic,
	manifestDocument,
	parseManifest,
	type Manifest,
} from '../../../../engine/archive';
import {
	assertAuthentic,
	DerivationBudget,
	withProof,
	type ManifestTrust,
} from '../../../../engine/archive/manifest/authenticity';
import { writingKey } from '../../../../engine/archive/manifest/proof-key';
import { BackupError } from '../../../../engine/errors';

const PASSPHRASE = 'correct horse battery staple';
const HASH = 'ab'.repeat(32);
const PLAIN: Manifest = {
	formatVersion: 2,
	id: '4d6f4bd0-6b1c-4f6e-9a70-0d6f3c2b1a00',
	kind: 'postgres',
	name: 'shop',
	file: 'shop_20260131_020000.sql.zst.gpg',
	folder: 'postgres',
	startedAt: '2026-01-31T02:00:00.000Z',
	finishedAt: '2026-01-31T02:00:09.000Z',
	source: { system: 'postgresql', version: '18.0', host: 'db', port: 5432 },
	tool: { name: 'n8n-nodes-stack-backup', version: '0.1.0' },
	codec: { name: 'zstd', level: 3 },
	encryption: { format: 'openpgp', cipher: 'aes256', passphrase: true, recipients: [] },
	size: { raw: 30, compressed: 20, stored: 20 },
	sha256: HASH,
	tables: [{ schema: 'public', name: 't', rows: 2, bytes: 10 }],
	counts: { tables: 1, rows: 2 },
	options: {},
	warnings: [],
	tags: ['a'],
	parts: [{ type: 'data', offset: 0, length: 20, rawLength: 30, sha256: HASH, table: 0, rows: 2 }],
};
const STRICT: ManifestTrust = { passphrase: PASSPHRASE, requireEncryption: true };

let proven: Manifest;
beforeAll(async () => {
	proven = withProof(PLAIN, await writingKey(PASSPHRASE));
});

const at = (folder: string | undefined) => ({ where: `${folder}/x.manifest.json`, folder });
/** The code that a manifest is refused with; undefined where it is believed. */
async function refusal(manifest: Manifest, trust: ManifestTrust = STRICT, folder: string | undefined = 'postgres') {
	try {
		await assertAuthentic(manifest, at(folder), trust);
		return undefined;
	} catch (error) {
		const { code, message, hint = '' } = error as BackupError;
		expect(`${message} ${hint}`).not.toContain(PASSPHRASE);
		return code;
	}
}

describe('a manifest with a proof', () => {
	it('is believed with the passphrase it was made with, also when it comes from its text, in any order', async () => {
		expect(await refusal(proven)).toBeUndefined();
		expect(await refusal(parseManifest(formatManifest(proven), 'here'))).toBeUndefined();
		const turned = Object.fromEntries(Object.entries(manifestDocument(proven)).reverse());
		expect(await refusal(parseManifest(JSON.stringify(turned), 'here'))).toBeUndefined();
		expect(await isAuthentic(proven, at('postgres'), PASSPHRASE)).toBe(true);
	});

	it('is refused with any of its values changed, whoever computes its checksum anew, be the encryption required or not', async () => {
		const text = formatManifest(proven);
		const changes: Array<(manifest: Record<string, unknown>) => void> = [
			...Object.keys(PLAIN).map((name) => (manifest: Record<string, unknown>) => {
				const value = manifest[name];
				if (typeof value === 'string') manifest[name] = `${value.slice(0, -1)}${value.endsWith('0') ? '1' : '0'}`;
				else if (Array.isArray(value)) manifest[name] = [...(value as unknown[]), ...(value as unknown[]), 'x'];
				else manifest[name] = { ...(value as object), later: 1 };
			}),
			(manifest) => (manifest['encryption'] = null),
			(manifest) => (manifest['partial'] = { content: 'schema', selection: [] }),
			(manifest) => (manifest['needs'] = ['0b6a3a52-6e0a-4a8f-9d0e-5f1d8c3b7a11']),
			(manifest) => (manifest['later'] = 1),
		];
		for (const change of changes) {
			const manifest = JSON.parse(text) as Manifest & Record<string, unknown>;
			change(manifest);
			if (manifest.formatVersion !== 2) continue;
			expect(await refusal(manifest, { passphrase: PASSPHRASE })).toBe('MANIFEST_INVALID');
		}
		expect(await isAuthentic({ ...proven, name: 'crm' }, at('postgres'), PASSPHRASE)).toBe(false);
	});

	it('is refused with another list of what it needs, or none', async () => {
		const needs = ['0b6a3a52-6e0a-4a8f-9d0e-5f1d8c3b7a11'];
		const increment = withProof({ ...PLAIN, needs }, await writingKey(PASSPHRASE));
		expect(await refusal(increment)).toBeUndefined();
		const { needs: _, ...whole } = increment;
		for (const changed of [whole, { ...whole, needs: [] }, { ...whole, needs: [...needs, ...needs] }])
			expect(await refusal(changed)).toBe('MANIFEST_INVALID');
	});

	it('may be pinned by who has no passphrase', async () => {
		expect(await refusal({ ...proven, pinned: true })).toBeUndefined();
	});

	it('is refused with another passphrase for what that is', async () => {
		const other = { passphrase: 'another', requireEncryption: true };
		expect(await refusal(proven, other)).toBe('KEY_WRONG');
		expect(await refusal({ ...proven, proof: { ...proven.proof!, keyCheck: '00'.repeat(8) } })).toBe('KEY_WRONG');
		expect(await isAuthentic(proven, at('postgres'), 'another')).toBeNull();
	});

	it('is refused in another folder than it was made for, weekly copies apart', async () => {
		for (const folder of ['postgres', 'weekly/2026_W05', 'weekly/2026_W05/postgres', undefined]) {
			await expect(assertAuthentic(proven, at(folder), STRICT)).resolves.toBeUndefined();
		}
		for (const folder of ['', 'staging', 'postgres/old', 'weekly', 'weekly/2026_W05/staging', 'weekly/latest']) {
			expect(await refusal(proven, STRICT, folder)).toBe('NOT_AUTHENTIC');
			expect(await refusal(proven, { passphrase: PASSPHRASE }, folder)).toBeUndefined();
		}
		const staging = withProof({ ...PLAIN, folder: 'staging' }, await writingKey(PASSPHRASE));
		expect(await refusal(staging, STRICT, 'weekly/2026_W05')).toBe('NOT_AUTHENTIC');
		expect(await refusal(staging, STRICT, 'weekly/2026_W05/staging')).toBeUndefined();
	});
});

describe('a manifest without a proof', () => {
	it('is refused where encryption is required, and taken where that was switched off', async () => {
		const { folder: _, ...older } = { ...PLAIN, formatVersion: 1 as const };
		for (const manifest of [PLAIN, older]) {
			expect(await refusal(manifest)).toBe('NOT_AUTHENTIC');
			expect(await refusal(manifest, { passphrase: PASSPHRASE, requireEncryption: false })).toBeUndefined();
			// Public keys prove nothing: anybody has them.
			expect(await refusal(manifest, { requireEncryption: true })).toBeUndefined();
		}
		expect(await isAuthentic(PLAIN, at('postgres'), PASSPHRASE)).toBeNull();
	});

	it('is refused where encryption is required and its archive has none', async () => {
		const plain = { ...PLAIN, encryption: null };
		expect(await refusal(plain)).toBe('NOT_AUTHENTIC');
		expect(await refusal(plain, { requireEncryption: true })).toBe('NOT_AUTHENTIC');
		expect(await refusal(plain, {})).toBeUndefined();
	});
});

describe('the keys of one run', () => {
	it('are derived for no more than so many salts, and once for each', async () => {
		const budget = new DerivationBudget(2);
		const of = (salt: string): Manifest => ({ ...proven, proof: { ...proven.proof!, salt: salt.repeat(16) } });
		const codes: Array<string | undefined> = [];
		for (const salt of ['01', '01', '02', '03', '02']) {
			const tried = assertAuthentic(of(salt), at('postgres'), STRICT, budget);
			codes.push(await tried.then(String, (error: BackupError) => error.code));
		}
		expect(codes).toEqual(['KEY_WRONG', 'KEY_WRONG', 'KEY_WRONG', 'NOT_AUTHENTIC', 'KEY_WRONG']);
	});
});

import { expect, it } from 'vitest';

import type { BackupEntry, DamagedManifest, Manifest } from '../../../../engine';
import { backupLabel, damagedLabel } from '../../../../nodes/shared/listSearch/label';

const MANIFEST = {
	kind: 'postgres',
	name: 'shop',
	startedAt: '2026-11-28T20:36:59.000Z',
	size: { stored: 437_900 },
	encryption: null,
} as Manifest;

function entryOf(facts: Partial<Manifest> = {}, foundSize: number | undefined = 437_900): BackupEntry {
	return { manifest: { ...MANIFEST, ...facts }, foundSize } as BackupEntry;
}

it('begins with the date, then what speaks against the backup, and ends with what else is to be known of it', () => {
	expect(backupLabel([entryOf()], false)).toBe('2026-11-28 20:36 UTC · shop · 437.9 kB');
	expect(backupLabel([entryOf()], false, 'passed')).toBe('2026-11-28 20:36 UTC · shop · 437.9 kB · verified');
	expect(backupLabel([entryOf()], true, 'failed')).toBe(
		'2026-11-28 20:36 UTC · verification failed · shop · 437.9 kB · PostgreSQL',
	);
	const encryption = { method: 'openpgp' } as unknown as Manifest['encryption'];
	const partial = { content: 'schema', selection: [] } as unknown as NonNullable<Manifest['partial']>;
	expect(backupLabel([entryOf({ partial, encryption, kind: 'qdrant' }), entryOf({ pinned: true })], true)).toBe(
		'2026-11-28 20:36 UTC · shop · 437.9 kB · pinned · schema only · encrypted · Qdrant',
	);
});

it('calls a backup damaged whose archive is not as it was written, whatever a verification said before', () => {
	expect(backupLabel([entryOf({}, 12)], false, 'passed')).toBe('2026-11-28 20:36 UTC · damaged · shop · 437.9 kB');
	expect(backupLabel([{ ...entryOf(), foundSize: undefined }], false, 'failed')).toBe(
		'2026-11-28 20:36 UTC · archive missing · verification failed · shop · 437.9 kB',
	);
	const damaged = { modifiedAt: new Date('2026-11-28T20:36:59.000Z') } as DamagedManifest;
	expect(damagedLabel('postgres/shop_1.sql.zst', damaged)).toBe(
		'2026-11-28 20:36 UTC · damaged · postgres/shop_1.sql.zst',
	);
});

it('says of a backup that it goes on from others, but not of an instance, whose parts they are', () => {
	const needs = ['0b6a3a52-6e0a-4a8f-9d0e-5f1d8c3b7a11'];
	expect(backupLabel([entryOf({ kind: 'files', needs })], false)).toBe(
		'2026-11-28 20:36 UTC · shop · 437.9 kB · incremental',
	);
	expect(backupLabel([entryOf({ kind: 'n8n-instance', needs })], false)).toBe('2026-11-28 20:36 UTC · shop · 437.9 kB');
});

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';

import { fileDigest, readBackupManifest, type ManifestFile } from '../../../../engine/postgres/physical/backupManifest';

/** As PostgreSQL 18 writes it, with a checksum that fits. */
function manifest(lines: string): string {
	return `${lines}"Manifest-Checksum": "${createHash('sha256').update(lines).digest('hex')}"}\n`;
}

const SHA = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const HEAD = '{ "PostgreSQL-Backup-Manifest-Version": 2,\n"System-Identifier": 7714194367419820244,\n';
const FILES = `"Files": [
{ "Path": "backup_label", "Size": 225, "Last-Modified": "2026-12-01 04:54:02 GMT", "Checksum-Algorithm": "SHA256", "Checksum": "${SHA}" },
{ "Encoded-Path": "62e46e", "Size": 0, "Last-Modified": "2026-12-01 04:54:02 GMT" },
{ "Path": "global/pg_control", "Size": 8192, "Last-Modified": "2026-12-01 04:54:02 GMT", "Checksum-Algorithm": "CRC32C", "Checksum": "93513075" }
],
`;
const RANGES = '"WAL-Ranges": [\n{ "Timeline": 1, "Start-LSN": "0/7000028", "End-LSN": "A/7000120" }\n],\n';
const WHOLE = manifest(HEAD + FILES + RANGES);

async function read(text: string, chunkBytes = 100) {
	const bytes = Buffer.from(text);
	const chunks = async function* () {
		for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
	};
	const files: ManifestFile[] = [];
	const reading = readBackupManifest(chunks());
	for (;;) {
		const next = await reading.next();
		if (next.done) return { files, facts: next.value };
		files.push(next.value);
	}
}

describe('a backup_manifest', () => {
	test.each([1, 7, 4096])('is read in pieces of %d bytes', async (chunkBytes) => {
		const { files, facts } = await read(WHOLE, chunkBytes);
		expect(files).toEqual([
			{ path: 'backup_label', size: 225, checksum: { algorithm: 'sha256', hex: SHA } },
			{ path: 'b\udce4n', size: 0, checksum: undefined },
			{ path: 'global/pg_control', size: 8192, checksum: { algorithm: 'crc32c', hex: '93513075' } },
		]);
		expect(facts).toEqual({
			systemIdentifier: '7714194367419820244',
			ranges: [{ timeline: 1, startLsn: 0x7000028n, endLsn: 0xa07000120n }],
		});
	});

	test('of a server before 17 has no system identifier', async () => {
		const text = manifest('{ "PostgreSQL-Backup-Manifest-Version": 1,\n' + FILES + RANGES);
		expect((await read(text)).facts.systemIdentifier).toBeUndefined();
	});

	test('with a bit changed is refused', async () => {
		for (let at = 0; at < WHOLE.length - 1; at += 3) {
			const changed = Buffer.from(WHOLE);
			changed[at]! ^= 1;
			await expect(read(changed.toString('latin1')), `byte ${at}`).rejects.toThrow(/backup_manifest/);
		}
	});

	test.each([
		['that is cut', WHOLE.slice(0, WHOLE.lastIndexOf('"Manifest-Checksum"'))],
		['that is cut within its files', HEAD + FILES.slice(0, 200)],
		['with a line that never ends', `${HEAD}"Files": [\n{ "Path": "${'x'.repeat(100_000)}"`],
		['that goes on behind its end', `${WHOLE}{ }\n`],
		['without WAL', manifest(HEAD + FILES)],
		['that is empty', ''],
	])('%s is refused', async (_, text) => {
		await expect(read(text)).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
	});

	test('of a version that is not known is told apart from damage', async () => {
		const text = manifest('{ "PostgreSQL-Backup-Manifest-Version": 3,\n' + FILES + RANGES);
		await expect(read(text)).rejects.toMatchObject({ code: 'MANIFEST_NEWER' });
	});

	test('states CRC-32C by its bytes in the order of the server', () => {
		const digest = fileDigest('crc32c');
		digest.update(Buffer.from('12345'));
		digest.update(Buffer.from('6789'));
		expect(digest.hex()).toBe('839206e3');
	});
});

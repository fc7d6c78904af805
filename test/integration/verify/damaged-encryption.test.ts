/** Damage to what is encrypted: whatever it does to the OpenPGP packets, it is damage, and never a fault of the check. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import * as openpgp from 'openpgp';
import { describe, expect, it } from 'vitest';

import {
	createArchive,
	type DecryptionKeys,
	type EncryptionKeys,
	formatManifest,
	manifestKeyOf,
	openArchive,
} from '../../../engine/archive';
import { FolderStorage } from '../../../engine/storage';
import { verifyBackup } from '../../../engine';
import { temporaryStorage } from '../archive/support';

const PASSPHRASE = 'a long passphrase';

async function write(storage: FolderStorage, encryption: EncryptionKeys, content: string): Promise<string> {
	const writer = await createArchive({
		storage,
		folder: 'files',
		name: 'shop',
		extension: 'json',
		kind: 'files',
		codec: { name: 'none' },
		encryption,
	});
	await writer.frame({ type: 'stream' }, Buffer.from(content));
	await writer.commit({ source: { system: 'test', version: '1' }, counts: {} });
	return writer.key;
}

async function judged(storage: FolderStorage, key: string, keys: DecryptionKeys) {
	const { verdict, findings } = await verifyBackup({ storage, key, level: 'integrity', keys });
	return { verdict, codes: findings.map(({ code }) => code) };
}

const DAMAGED = { verdict: 'failed', codes: ['ARCHIVE_CORRUPT'] };

/** Encrypts the content of an archive anew, so that a key is derived from the passphrase in no time. */
async function makeQuick(root: string, storage: FolderStorage, key: string): Promise<void> {
	const message = await openpgp.readMessage({ binaryMessage: readFileSync(join(root, key)) });
	const { data } = await openpgp.decrypt({ message, passwords: [PASSPHRASE], format: 'binary' });
	const bytes = await openpgp.encrypt({
		message: await openpgp.createMessage({ binary: data }),
		passwords: [PASSPHRASE],
		format: 'binary',
		config: { s2kIterationCountByte: 0, aeadProtect: false },
	});
	const { manifest } = await openArchive(storage, manifestKeyOf(key));
	const { proof: _proof, ...unproven } = manifest;
	const size = { ...manifest.size, stored: bytes.length };
	const sha256 = createHash('sha256').update(bytes).digest('hex');
	writeFileSync(join(root, key), bytes);
	writeFileSync(join(root, manifestKeyOf(key)), formatManifest({ ...unproven, size, sha256 }));
}

/** All at once, each with files of its own: openpgp.js leaves one waiting now and then. */
async function expectFlipsFound(encryption: EncryptionKeys, keys: DecryptionKeys, bits: number[]): Promise<void> {
	const { root, storage } = temporaryStorage();
	const key = await write(storage, encryption, '[1,2,3]'.repeat(100));
	if (encryption.passphrase) await makeQuick(root, storage, key);
	const bytes = readFileSync(join(root, key));
	const { manifest } = await openArchive(storage, manifestKeyOf(key));
	expect(await judged(storage, key, keys)).toEqual({ verdict: 'passed', codes: [] });
	const flips = Array.from({ length: 200 }, (_, at) =>
		(at === 13 || at === 46 ? [0, 1, 2, 3, 4, 5, 6, 7] : bits).map((bit) => ({ at, bit })),
	).flat();
	const judgements = await Promise.all(
		flips.map(async ({ at, bit }) => {
			const changed = Buffer.from(bytes);
			changed[at]! ^= 1 << bit;
			const folder = `flips/${at}_${bit}`;
			mkdirSync(join(root, folder), { recursive: true });
			writeFileSync(join(root, folder, manifest.file), changed);
			writeFileSync(join(root, manifestKeyOf(`${folder}/${manifest.file}`)), formatManifest(manifest));
			return { at, bit, ...(await judged(storage, `${folder}/${manifest.file}`, keys)) };
		}),
	);
	expect(judgements).toEqual(flips.map((flip) => ({ ...flip, ...DAMAGED })));
}

describe('an encrypted archive', () => {
	it('fails with any of its first bytes flipped, encrypted with a passphrase', async () => {
		await expectFlipsFound({ passphrase: PASSPHRASE }, { passphrase: PASSPHRASE }, [0, 6]);
	});

	it('fails with any of its first bytes flipped, encrypted for a key', async () => {
		const { privateKey, publicKey } = await openpgp.generateKey({ userIDs: [{ name: 'backup' }], format: 'armored' });
		await expectFlipsFound({ publicKeys: [publicKey] }, { privateKeys: [{ armored: privateKey }] }, [2, 7]);
	});

	it('fails where an older one of the same size took its place', async () => {
		const { root, storage } = temporaryStorage();
		const keys = { passphrase: PASSPHRASE };
		const [older, newer] = [await write(storage, keys, '[1,2,3]'), await write(storage, keys, '[1,2,4]')];
		writeFileSync(join(root, newer), readFileSync(join(root, older)));
		expect(await judged(storage, newer, keys)).toEqual(DAMAGED);
	});

	it('fails where one with the very same content took its place', async () => {
		const { root, storage } = temporaryStorage();
		const keys = { passphrase: PASSPHRASE };
		const [older, newer] = [await write(storage, keys, '[1,2,3]'), await write(storage, keys, '[1,2,3]')];
		writeFileSync(join(root, newer), readFileSync(join(root, older)));
		expect(await judged(storage, newer, keys)).toEqual(DAMAGED);
	});
});

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import * as openpgp from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';

import {
	createArchive,
	decryptMessage,
	openArchive,
	type ArchiveReader,
	type DecryptionKeys,
	type EncryptionKeys,
} from '../../../../engine/archive';
import { BackupError } from '../../../../engine/errors';
import { prepareEncryption } from '../../../../engine/archive/encryption/encryption';
import { archiveOptions, collect, inChunks, temporaryStorage, writeSample } from '../support';

type Pair = { publicKey: string; privateKey: string };
let pair: Pair;
let other: Pair;
let expired: Pair;
let signOnly: Pair;

beforeAll(async () => {
	const userIDs = [{ name: 'Backup' }];
	pair = await openpgp.generateKey({ userIDs, passphrase: 'lock' });
	other = await openpgp.generateKey({ userIDs: [{ name: 'Other' }] });
	const date = new Date(Date.now() - 100_000_000);
	expired = await openpgp.generateKey({ userIDs, date, keyExpirationTime: 1000 });
	signOnly = await openpgp.generateKey({ userIDs, subkeys: [] });
});

async function open(encryption: EncryptionKeys, keys?: DecryptionKeys) {
	const { storage } = temporaryStorage();
	const { manifest, raw } = await writeSample(storage, { encryption });
	return { raw, manifest, reader: await openArchive(storage, { manifest, folder: 'postgres' }, keys) };
}

describe('encrypting', () => {
	it.each<[string, () => EncryptionKeys, RegExp]>([
		['nothing to encrypt for', () => ({}), /neither a passphrase nor a public key/],
		['an empty passphrase', () => ({ passphrase: '' }), /neither a passphrase nor a public key/],
		['something that is no key', () => ({ publicKeys: ['hello'] }), /not an OpenPGP key/],
		['a private key in place of a public one', () => ({ publicKeys: [pair.privateKey] }), /Backup is a private key/],
		['an expired key', () => ({ publicKeys: [expired.publicKey] }), /Nothing can be encrypted for .*expired/],
		['a key that only signs', () => ({ publicKeys: [signOnly.publicKey] }), /Nothing can be encrypted for/],
	])('refuses %s before anything is written', async (_what, encryption, message) => {
		const { storage, files } = temporaryStorage();
		await expect(createArchive(archiveOptions(storage, { encryption: encryption() }))).rejects.toMatchObject({
			code: 'INVALID_INPUT',
			message: expect.stringMatching(message) as string,
			hint: expect.any(String) as string,
		});
		expect(files()).toEqual([]);
	});

	it('names in the manifest how the archive can be opened', async () => {
		const { manifest } = await open({ passphrase: 'p', publicKeys: [pair.publicKey, other.publicKey] });
		const fingerprints = await Promise.all(
			[pair, other].map(async ({ publicKey }) => (await openpgp.readKey({ armoredKey: publicKey })).getFingerprint()),
		);
		expect(manifest.encryption).toEqual({
			format: 'openpgp',
			cipher: 'aes256',
			passphrase: true,
			recipients: fingerprints.map((fingerprint) => fingerprint.toUpperCase()),
			pieces: { outer: 1024 * 1024, inner: 64 * 1024 },
		});
	});
});

describe('decrypting', () => {
	it('is open to every recipient', async () => {
		const publicKeys = [pair.publicKey, other.publicKey];
		const { reader, raw } = await open({ publicKeys }, { privateKeys: [{ armored: other.privateKey }] });
		expect((await collect(reader.raw())).equals(raw)).toBe(true);
	});

	it.each<[string, string, () => EncryptionKeys, () => DecryptionKeys | undefined]>([
		['nothing was given', 'KEY_MISSING', () => ({ passphrase: 'p' }), () => undefined],
		[
			'only a private key was given for a passphrase',
			'KEY_MISSING',
			() => ({ passphrase: 'p' }),
			() => ({ privateKeys: [{ armored: other.privateKey }] }),
		],
		[
			'only a passphrase was given for a key',
			'KEY_MISSING',
			() => ({ publicKeys: [pair.publicKey] }),
			() => ({ passphrase: 'p' }),
		],
		['the passphrase is another', 'KEY_WRONG', () => ({ passphrase: 'p' }), () => ({ passphrase: 'q' })],
		[
			"the private key is somebody else's",
			'KEY_WRONG',
			() => ({ publicKeys: [pair.publicKey] }),
			() => ({ privateKeys: [{ armored: other.privateKey }] }),
		],
		[
			'the private key is locked',
			'KEY_MISSING',
			() => ({ publicKeys: [pair.publicKey] }),
			() => ({ privateKeys: [{ armored: pair.privateKey }] }),
		],
		[
			'the private key is locked with another passphrase',
			'KEY_WRONG',
			() => ({ publicKeys: [pair.publicKey] }),
			() => ({ privateKeys: [{ armored: pair.privateKey, passphrase: 'no' }] }),
		],
		[
			'a public key was given for the private one',
			'INVALID_INPUT',
			() => ({ publicKeys: [pair.publicKey] }),
			() => ({ privateKeys: [{ armored: pair.publicKey }] }),
		],
		[
			'what was given is no key',
			'INVALID_INPUT',
			() => ({ publicKeys: [pair.publicKey] }),
			() => ({ privateKeys: [{ armored: 'hello' }] }),
		],
	])('says so when %s: %s', async (_what, code, encryption, decryption) => {
		const { reader } = await open(encryption(), decryption());
		await expect(collect(reader.raw())).rejects.toMatchObject({ code });
		await expect(reader.parts(() => true).next()).rejects.toMatchObject({ code });
		await expect(reader.parts((_, index) => index === 1).next()).rejects.toMatchObject({ code });
		await expect(reader.checkKeys()).rejects.toMatchObject({ code });
		await reader.verifyStored();
		await expect(collect(reader.raw())).rejects.toMatchObject({ code });
	});
});

it('tells a wrong passphrase from damage each time, although some wrong ones yield something like a key', async () => {
	const { storage } = temporaryStorage();
	const { manifest } = await writeSample(storage, { encryption: { passphrase: 'right' } });
	for (let i = 0; i < 15; i++) {
		const reader = await openArchive(storage, { manifest, folder: 'postgres' }, { passphrase: `wrong ${i}` });
		const reading = i % 2 === 0 ? collect(reader.raw()) : reader.parts((_, index) => index === 1).next();
		await expect(reading).rejects.toMatchObject({ code: 'KEY_WRONG' });
	}
});

describe('an intact file that the right key opens', () => {
	/** Public keys alone: such a manifest has no proof, so anybody can write another one. */
	async function sample() {
		const { root, storage } = temporaryStorage();
		const { manifest, raw, key } = await writeSample(storage, { encryption: { publicKeys: [other.publicKey] } });
		const open = async () =>
			await openArchive(
				storage,
				{ manifest, folder: 'postgres' },
				{ privateKeys: [{ armored: other.privateKey }], passphrase: 'p' },
			);
		return { manifest, raw, open, file: path.join(root, key) };
	}

	async function expectCorrupt(reader: ArchiveReader, message: RegExp): Promise<void> {
		const corrupt = { code: 'ARCHIVE_CORRUPT', message: expect.stringMatching(message) as string };
		for (const verified of [false, true]) {
			if (verified) await reader.verifyStored();
			await expect(collect(reader.raw())).rejects.toMatchObject(corrupt);
			const reading = async () => {
				for await (const part of reader.parts(() => true)) void part;
			};
			await expect(reading()).rejects.toMatchObject(corrupt);
		}
	}

	it('is damaged, and its key not wrong, where a frame after the first is another one', async () => {
		const { manifest, open } = await sample();
		manifest.parts[1]!.sha256 = '0'.repeat(64);
		await expectCorrupt(await open(), /SHA-256 of the part at byte \d+ is not/);
	});

	it('is damaged, and its key not wrong, where the first frame has another length than the manifest says', async () => {
		const { manifest, open } = await sample();
		manifest.parts[0]!.rawLength += 1;
		manifest.parts[1]!.rawLength -= 1;
		await expectCorrupt(await open(), /part at byte 0 does not hold the \d+ bytes/);
	});

	it.each([
		['for passphrases', 0, Buffer.from([0xc3, 13, 4, 9, 3, 8, 1, 2, 3, 4, 5, 6, 7, 8, 255])],
		['for recipients', 1, Buffer.concat([Buffer.of(0xc1, 84, 3), Buffer.alloc(8), Buffer.of(18), Buffer.alloc(74)])],
	])('is damaged where it has more packets %s than the manifest says', async (what, allowed, packet) => {
		const { manifest, open, file } = await sample();
		const changed = Buffer.concat([packet, readFileSync(file)]);
		writeFileSync(file, changed);
		manifest.size.stored = changed.length;
		manifest.sha256 = createHash('sha256').update(changed).digest('hex');
		const reader = await open();
		await expectCorrupt(reader, new RegExp(`more packets ${what} .*allowed \\(${allowed}\\)`));
		await expect(reader.checkKeys()).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
	});
});

describe('a message whose content begins with a packet that cannot be one', () => {
	const passphrase = 'right';
	const CONTENT = 32 * 1024 * 1024;

	/** Encrypts, then changes the first byte of the content's first packet: in CFB its bits are those of the stored byte. */
	async function message(mask: number): Promise<Buffer> {
		const encryptor = await prepareEncryption({ passphrase });
		const bytes = await collect(encryptor!.encrypt(inChunks(Buffer.alloc(CONTENT), 1024 * 1024)));
		// A packet for the passphrase (48 bytes), then tag and length octet of the encrypted one, its version, 18 random bytes.
		expect([bytes[0], bytes[48], bytes[50]]).toEqual([0xc3, 0xd2, 1]);
		bytes[51 + 18]! ^= mask;
		return bytes;
	}

	// The last makes it a packet of no told length, of a kind that openpgp.js would collect to the end.
	it.each([2, 8, 64, 128, 0x4c])('is refused soon, and not collected in memory (changed by %i)', async (mask) => {
		const bytes = await message(mask);
		let read = 0;
		const counted = async function* () {
			for await (const chunk of inChunks(bytes, 256 * 1024)) {
				read += chunk.length;
				yield chunk;
			}
		};
		await expect(collect(decryptMessage(counted(), { passphrase }))).rejects.toMatchObject({ code: 'KEY_WRONG' });
		expect(read).toBeLessThan(CONTENT * 0.6);
	});

	it.each([256 * 1024, 2 * CONTENT])('is read where nothing was changed, in chunks of %i bytes', async (size) => {
		const content = await collect(decryptMessage(inChunks(await message(0), size), { passphrase }));
		expect(content.equals(Buffer.alloc(CONTENT))).toBe(true);
	});

	it.each([0, 2, 0x4c])('fails with what its source fails with, wherever that is (changed by %i)', async (mask) => {
		const bytes = await message(mask);
		for (const pieces of [0, 1, 2, 3, 6]) {
			const failing = async function* () {
				yield* inChunks(bytes.subarray(0, pieces * 65536), 65536);
				throw new BackupError('CANCELLED', 'Somebody stopped it.');
			};
			await expect(collect(decryptMessage(failing(), { passphrase }))).rejects.toMatchObject({ code: 'CANCELLED' });
		}
	});
});

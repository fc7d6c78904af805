/** Archives open with the stock tools of Debian: gnupg, zstd, gzip. And keys made by gpg work. */
import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { decryptMessage, openArchive } from '../../../engine/archive';
import { prepareEncryption } from '../../../engine/archive/encryption/encryption';
import { collect, inChunks, temporaryStorage, writeSample } from '../../integration/archive/support';
import { noise } from '../../random/bytes';
import { removeFolder, temporaryFolder } from '../../services/guard';

let home: string;
let publicKey: string;

function run(command: string, args: string[], input?: Buffer): Buffer {
	return execFileSync(command, args, { input, stdio: ['pipe', 'pipe', 'pipe'], maxBuffer: 1 << 28 });
}

function gpg(args: string[], input?: Buffer): Buffer {
	return run(
		'gpg',
		['--homedir', home, '--batch', '--pinentry-mode', 'loopback', '--passphrase', 'p w', ...args],
		input,
	);
}

beforeAll(() => {
	home = temporaryFolder('gnupg');
	chmodSync(home, 0o700);
	gpg(['--quick-generate-key', 'Backup <backup@example.org>', 'default', 'default', 'never']);
	publicKey = String(gpg(['--armor', '--export']));
});

afterAll(() => {
	run('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
	removeFolder(home);
});

const TOOLS = { zstd: ['zstd', '-dc'], gzip: ['gunzip', '-c'], none: ['cat'] } as const;
const CODECS = ['zstd', 'gzip', 'none'] as const;

describe.each(CODECS)('an archive with codec %s', (name) => {
	const [tool, ...args] = TOOLS[name];

	it('of several frames opens as one file', async () => {
		const { root, storage } = temporaryStorage();
		const { key, raw } = await writeSample(storage, { codec: { name } });
		expect(run(tool, [...args, path.join(root, key)]).equals(raw)).toBe(true);
		if (name !== 'none') run(tool, ['-t', path.join(root, key)]);
	});

	it.each([
		['passphrase', () => ({ passphrase: 'p w' })],
		['public key', () => ({ publicKeys: [publicKey] })],
	])('encrypted for a %s opens with gpg --decrypt', async (_what, encryption) => {
		const { root, storage } = temporaryStorage();
		const { key, raw } = await writeSample(storage, { codec: { name }, encryption: encryption() });
		const decrypted = gpg(['--decrypt', path.join(root, key)]);
		expect(run(tool, args, decrypted).equals(raw)).toBe(true);
	});
});

/** Around the borders of the pieces that a message is written in, and one of several. */
it.each([0, 1, 185, 186, 65_000, 65_529, 65_530, 65_531, 1_048_520, 1_048_549, 1_048_576, 5_000_000])(
	'what is encrypted of %i bytes opens with gpg --decrypt, and with us as gpg encrypts it, compressed and not',
	async (size) => {
		const content = noise('system/archive/stock-tools')(size);
		const keys = { passphrase: 'p w' };
		const message = await collect((await prepareEncryption(keys))!.encrypt(inChunks(content, 70_000)));
		expect(gpg(['--decrypt'], message).equals(content)).toBe(true);
		for (const compression of ['none', 'zip']) {
			const theirs = gpg(['--symmetric', '--compress-algo', compression], content);
			expect((await collect(decryptMessage(inChunks(theirs, 70_000), keys))).equals(content)).toBe(true);
		}
	},
);

it.each(['none', 'zip', 'bzip2'])(
	'what gpg encrypts for a public key opens with us (compression: %s)',
	async (compression) => {
		const privateKeys = [{ armored: String(gpg(['--armor', '--export-secret-keys'])), passphrase: 'p w' }];
		const content = noise('system/archive/stock-tools/public')(200_000);
		const file = path.join(home, `content-${compression}`);
		writeFileSync(file, content);
		const encrypt = ['--trust-model', 'always', '--recipient', 'backup@example.org', '--compress-algo', compression];
		// What comes by standard input has an unknown length, and so its packets come in pieces; a file's length is known.
		for (const theirs of [
			gpg([...encrypt, '--encrypt'], content),
			gpg([...encrypt, '--output', '-', '--encrypt', file]),
		]) {
			expect((await collect(decryptMessage(inChunks(theirs, 10_000), { privateKeys }))).equals(content)).toBe(true);
		}
	},
);

const CIPHERS = ['AES', 'AES192', 'CAST5', '3DES'];

/** GnuPG 2.1 and 2.2 as they are released encrypt for a passphrase with AES-128, keys may ask for another one. */
it.each(CIPHERS)(
	'what gpg encrypts with %s opens with us, or the message says that only AES is read',
	async (cipher) => {
		const privateKeys = [{ armored: String(gpg(['--armor', '--export-secret-keys'])), passphrase: 'p w' }];
		const content = noise('system/archive/stock-tools/ciphers')(70_000);
		const how = ['--cipher-algo', cipher, '--trust-model', 'always', '--recipient', 'backup@example.org'];
		for (const compression of ['none', 'zip']) {
			const symmetric = gpg([...how.slice(0, 2), '--compress-algo', compression, '--symmetric'], content);
			const forKey = gpg([...how, '--compress-algo', compression, '--encrypt'], content);
			const opened = [
				collect(decryptMessage(inChunks(symmetric, 10_000), { passphrase: 'p w' })),
				collect(decryptMessage(inChunks(forKey, 10_000), { privateKeys })),
			];
			for (const one of opened) {
				if (cipher.startsWith('AES')) expect((await one).equals(content)).toBe(true);
				else
					await expect(one).rejects.toMatchObject({
						code: 'UNSUPPORTED_VERSION',
						message: expect.stringMatching(/AES/) as string,
					});
			}
			const wrong = collect(decryptMessage(inChunks(symmetric, 10_000), { passphrase: 'other' }));
			if (cipher.startsWith('AES')) await expect(wrong).rejects.toMatchObject({ code: 'KEY_WRONG' });
			else await expect(wrong).rejects.toThrow(/AES/);
		}
	},
);

it('says gpg: AES-256, integrity protected with MDC, the strongest iterated S2K, nothing compressed', async () => {
	const { root, storage } = temporaryStorage();
	const { key } = await writeSample(storage, { encryption: { passphrase: 'p w', publicKeys: [publicKey] } });
	const packets = String(gpg(['--list-packets', path.join(root, key)]));
	expect(packets).toMatch(/:symkey enc packet: version 4, cipher 9.*s2k 3, hash 8/);
	expect(packets).toContain('count 65011712 (255)');
	expect(packets).toMatch(/:pubkey enc packet: version 3, algo 1/);
	expect(packets).toMatch(/:encrypted data packet:[^]*mdc_method: 2/);
	expect(packets).not.toContain('compressed packet');
	expect(packets.match(/:literal data packet:/g)).toHaveLength(1);
});

it.each(['RSA', 'ECC'])("opens with gpg's own %s key, locked as gpg locks it, on both sides", async (algorithm) => {
	const user = `${algorithm} <${algorithm.toLowerCase()}@example.org>`;
	gpg(['--quick-generate-key', user, algorithm === 'RSA' ? 'default' : 'future-default', 'default', 'never']);
	const publicKeys = [String(gpg(['--armor', '--export', user]))];
	const privateKeys = [{ armored: String(gpg(['--armor', '--export-secret-keys', user])), passphrase: 'p w' }];
	const { root, storage } = temporaryStorage();
	const { manifest, raw, key } = await writeSample(storage, { codec: { name: 'none' }, encryption: { publicKeys } });
	const reader = await openArchive(storage, { manifest, folder: 'postgres' }, { privateKeys });
	expect((await collect(reader.raw())).equals(raw)).toBe(true);
	expect(gpg(['--decrypt', path.join(root, key)]).equals(raw)).toBe(true);
});

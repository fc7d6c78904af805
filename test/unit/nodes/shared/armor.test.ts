import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { generateKey, readKeys, readPrivateKey } from 'openpgp';
import { expect, it } from 'vitest';
import { armoredBlocks } from '../../../../nodes/shared/armor';

const pem = (passphrase?: string) =>
	generateKeyPairSync('rsa', {
		modulusLength: 2048,
		publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
		privateKeyEncoding: {
			type: 'pkcs1',
			format: 'pem',
			...(passphrase && { cipher: 'aes-128-cbc', passphrase }),
		},
	}).privateKey;

const withComment = (armored: string) =>
	armored.replace('-----\n', '-----\nVersion: GnuPG v2\nComment: made by a test\n');

const flattenings: Array<[string, (text: string) => string]> = [
	['blanks', (text) => text.replaceAll(/\r?\n/g, ' ')],
	['nothing', (text) => text.replaceAll(/\r?\n/g, '')],
	['the two characters \\n', (text) => text.replaceAll(/\r?\n/g, '\\n')],
];

it.each(flattenings)('opens an OpenPGP key whose line breaks became %s', async (_, flatten) => {
	const { privateKey } = await generateKey({ userIDs: [{ name: 'Backup' }] });
	const expected = (await readPrivateKey({ armoredKey: privateKey })).getFingerprint();
	const [restored] = armoredBlocks(flatten(privateKey));
	expect((await readPrivateKey({ armoredKey: restored! })).getFingerprint()).toBe(expected);
});

it('keeps the headers of an OpenPGP key apart from its data', async () => {
	const { publicKey } = await generateKey({ userIDs: [{ name: 'Backup' }] });
	const [restored] = armoredBlocks(withComment(publicKey).replaceAll(/\r?\n/g, ' '));
	expect(restored).toContain('Version: GnuPG v2\nComment: made by a test\n\n');
	expect(await readKeys({ armoredKeys: restored! })).toHaveLength(1);
});

it.each(flattenings)('opens a PEM key whose line breaks became %s', (_, flatten) => {
	const key = pem();
	const [restored] = armoredBlocks(flatten(key));
	expect(createPrivateKey(restored!).equals(createPrivateKey(key))).toBe(true);
});

it('opens a PEM key that is locked, flattened to blanks', () => {
	const key = pem('secret');
	const [restored] = armoredBlocks(key.replaceAll('\n', ' '));
	const open = (text: string) => createPrivateKey({ key: text, passphrase: 'secret' });
	expect(open(restored!).equals(open(key))).toBe(true);
});

it('finds each of several blocks, whole, and nothing in other text', async () => {
	const keys = await Promise.all([1, 2].map(() => generateKey({ userIDs: [{ name: 'Backup' }] })));
	const blocks = armoredBlocks(`First:\n${keys.map(({ publicKey }) => publicKey).join('\nand then\n')}`);
	expect(blocks.map((block) => block.trim())).toEqual(
		keys.map(({ publicKey }) => publicKey.trim().replaceAll('\r', '')),
	);
	expect(armoredBlocks('ssh-rsa AAAA')).toEqual([]);
});

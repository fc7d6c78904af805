import type { Key, PrivateKey } from 'openpgp';

import { BackupError, messageOf } from '../../errors';

/** What an archive is encrypted for: a passphrase, public keys (armored OpenPGP), or both; any one of them opens it. */
export interface EncryptionKeys {
	passphrase?: string;
	publicKeys?: string[];
}

/** What an archive may be opened with. */
export interface DecryptionKeys {
	passphrase?: string;
	/** Armored OpenPGP private keys, with the passphrase that locks each where there is one. */
	privateKeys?: { armored: string; passphrase?: string }[];
	/** What is not encrypted is refused, and with a passphrase what does not prove that it was made with it. Default false. */
	requireEncryption?: boolean;
}

/** openpgp is loaded when it is first needed: most runs of a node never do. */
export async function loadOpenpgp(): Promise<typeof import('openpgp')> {
	return await import('openpgp');
}

/**
 * Reads public keys and checks that each can be encrypted for now.
 * @throws BackupError INVALID_INPUT: not a key, a private key, expired, revoked, too weak, without an encryption key.
 */
export async function readPublicKeys(armored: string[]): Promise<Key[]> {
	const { readKeys } = await loadOpenpgp();
	const keys: Key[] = [];
	for (const armoredKeys of armored) {
		const found = await readKeys({ armoredKeys }).catch((cause: unknown) => {
			throw notAKey('public', cause);
		});
		for (const key of found) await assertEncryptionKey(key);
		keys.push(...found);
	}
	return keys;
}

async function assertEncryptionKey(key: Key): Promise<void> {
	if (key.isPrivate()) {
		throw new BackupError('INVALID_INPUT', `The key ${nameOfKey(key)} is a private key; a public key belongs here.`, {
			hint: 'Export the public half: gpg --armor --export <key>. Keep the private key away from the backups.',
		});
	}
	await key.getEncryptionKey().catch((cause: unknown) => {
		throw new BackupError(
			'INVALID_INPUT',
			`Nothing can be encrypted for the key ${nameOfKey(key)}: ${messageOf(cause)}.`,
			{
				cause,
				hint: 'Use a key that can encrypt and has neither expired nor been revoked, or extend it and export it again.',
			},
		);
	});
}

/**
 * Reads and unlocks private keys.
 * @throws BackupError INVALID_INPUT (not a private key), KEY_MISSING (locked, and no passphrase), KEY_WRONG (locked with
 * another passphrase).
 */
export async function readUnlockedKeys(entries: NonNullable<DecryptionKeys['privateKeys']>): Promise<PrivateKey[]> {
	const keys: PrivateKey[] = [];
	for (const { armored, passphrase } of entries) {
		for (const key of await readPrivate(armored)) keys.push(await unlock(key, passphrase));
	}
	return keys;
}

async function readPrivate(armored: string): Promise<PrivateKey[]> {
	const { readKeys } = await loadOpenpgp();
	const keys = await readKeys({ armoredKeys: armored }).catch((cause: unknown) => {
		throw notAKey('private', cause);
	});
	return keys.map((key) => {
		if (key.isPrivate()) return key;
		throw new BackupError(
			'INVALID_INPUT',
			`The key ${nameOfKey(key)} is a public key; opening needs the private key.`,
			{
				hint: 'Export it with gpg --armor --export-secret-keys <key>.',
			},
		);
	});
}

async function unlock(key: PrivateKey, passphrase: string | undefined): Promise<PrivateKey> {
	if (key.isDecrypted()) return key;
	if (!passphrase) {
		throw new BackupError(
			'KEY_MISSING',
			`The private key ${nameOfKey(key)} is locked and no passphrase was given for it.`,
			{
				hint: 'Enter the passphrase of the private key in the encryption credential.',
			},
		);
	}
	const { decryptKey } = await loadOpenpgp();
	return await decryptKey({ privateKey: key, passphrase }).catch((cause: unknown) => {
		throw new BackupError('KEY_WRONG', `The passphrase does not unlock the private key ${nameOfKey(key)}.`, {
			cause,
			hint: 'Correct the passphrase of the private key in the encryption credential.',
		});
	});
}

function notAKey(sort: 'public' | 'private', cause: unknown): BackupError {
	return new BackupError(
		'INVALID_INPUT',
		`What was given as a ${sort} key is not an OpenPGP key: ${messageOf(cause)}.`,
		{
			cause,
			hint: `Paste the whole block, from -----BEGIN PGP ${sort.toUpperCase()} KEY BLOCK----- to its END line.`,
		},
	);
}

/** Fingerprint of the primary key in upper-case hex, as manifests and gpg write it. */
export function fingerprintOf(key: Key): string {
	return key.getFingerprint().toUpperCase();
}

function nameOfKey(key: Key): string {
	return key.getUserIDs()[0] ?? fingerprintOf(key);
}

/**
 * Keys for the proofs of manifests, derived from the passphrase by scrypt (RFC 7914). Its cost stands here and nowhere else:
 * a manifest is hostile until its proof was compared, and must choose neither how little guessing the passphrase costs nor
 * how long a reader computes. It is above what the same passphrase costs in the archive itself (RFC 4880, 3.7.1.3).
 *
 * The salt comes from the manifest. This process writes with one salt of its own, so that whoever reads a hundred thousand
 * manifests derives as many keys as processes have written them; keys that were derived are kept for the next ones.
 */
import { randomBytes, scrypt } from 'node:crypto';

import { KeptKeys } from '../kept-keys';

const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
const KEY_BYTES = 32;
const CHECK_BYTES = 8;

export interface ManifestKey {
	/** Hexadecimal, 16 bytes. */
	salt: string;
	hmacKey: Buffer;
	/** Hexadecimal: tells the wrong passphrase from a forged manifest, and nothing of the key. */
	keyCheck: string;
}

const kept = new KeptKeys(derive);
const ownSalt = randomBytes(16).toString('hex');

/** The key that this process writes with. */
export async function writingKey(passphrase: string): Promise<ManifestKey> {
	return await manifestKey(passphrase, ownSalt);
}

/** The key for a salt, 32 hexadecimal digits. */
export async function manifestKey(passphrase: string, salt: string): Promise<ManifestKey> {
	return await kept.of(passphrase, salt);
}

/** Whether the key is known already, so that it costs nothing. */
export function isKept(passphrase: string, salt: string): boolean {
	return kept.has(passphrase, salt);
}

async function derive(passphrase: string, salt: string): Promise<ManifestKey> {
	const bytes = await new Promise<Buffer>((resolve, reject) => {
		const context = Buffer.concat([Buffer.from('stack-backup manifest\0'), Buffer.from(salt, 'hex')]);
		scrypt(passphrase, context, KEY_BYTES + CHECK_BYTES, COST, (error, key) => (error ? reject(error) : resolve(key)));
	});
	return { salt, hmacKey: bytes.subarray(0, KEY_BYTES), keyCheck: bytes.subarray(KEY_BYTES).toString('hex') };
}

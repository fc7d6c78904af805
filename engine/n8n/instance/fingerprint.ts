/**
 * What a manifest says of the encryption key: enough to tell whether a key is the one, and nothing to find it by. Each backup has a
 * salt of its own, so that nobody sees from two manifests whether they are of one instance; guessing costs as much as for a passphrase.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

import { z } from 'zod';

/** As for the proofs of manifests: see archive/manifest/proof-key.ts. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
const BYTES = 8;

export const fingerprintSchema = z.object({
	salt: z.string().regex(/^[0-9a-f]{32}$/),
	check: z.string().regex(/^[0-9a-f]{16}$/),
});
export type KeyFingerprint = z.infer<typeof fingerprintSchema>;

export async function fingerprintOf(key: string, salt = randomBytes(16).toString('hex')): Promise<KeyFingerprint> {
	const context = Buffer.concat([Buffer.from('stack-backup n8n key\0'), Buffer.from(salt, 'hex')]);
	const check = await new Promise<Buffer>((resolve, reject) => {
		scrypt(key, context, BYTES, COST, (error, derived) => (error ? reject(error) : resolve(derived)));
	});
	return { salt, check: check.toString('hex') };
}

export async function fits(key: string, { salt, check }: KeyFingerprint): Promise<boolean> {
	const found = await fingerprintOf(key, salt);
	return timingSafeEqual(Buffer.from(found.check, 'hex'), Buffer.from(check, 'hex'));
}

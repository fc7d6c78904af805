import { createCipheriv, createDecipheriv } from 'node:crypto';

import fc from 'fast-check';
import { expect, it } from 'vitest';

import { CfbDecipher } from '../../../../engine/archive/encryption/cfb-decipher';
import { noise } from '../../../random/bytes';

const random = noise('archive/cfb-decipher');

it.each([16, 24, 32])('decrypts as OpenSSL does with a key of %i bytes, whatever the pieces', (keyLength) => {
	fc.assert(
		fc.property(fc.array(fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 5000 })), { maxLength: 20 }), (lengths) => {
			const key = random(keyLength);
			const cipher = createCipheriv(`aes-${keyLength * 8}-cfb`, key, Buffer.alloc(16));
			const openssl = createDecipheriv(`aes-${keyLength * 8}-cfb`, key, Buffer.alloc(16));
			const decipher = new CfbDecipher(key);
			for (const length of lengths) {
				const plain = random(length);
				const encrypted = cipher.update(plain);
				const before = Buffer.from(encrypted);
				expect(decipher.update(encrypted).equals(plain)).toBe(true);
				expect(openssl.update(encrypted).equals(plain)).toBe(true);
				// What it reads may be lent, and its owner reads it again.
				expect(encrypted.equals(before)).toBe(true);
			}
		}),
	);
});

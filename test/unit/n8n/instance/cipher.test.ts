import { describe, expect, it } from 'vitest';

import { InstanceCipher, openCbc, openGcm, type SealedKey } from '../../../../engine/n8n/instance/cipher';
import { fingerprintOf, fits } from '../../../../engine/n8n/instance/fingerprint';
import { tryKey } from '../../../../engine/n8n/instance/facts';

// What n8n 2.41.3 itself made of these: under the key, and under data keys that are sealed with it.
const KEY = 'the-key-of-this-instance';
const CBC = 'U2FsdGVkX1/iS1YI8Oq31yXk9uLhjOladPsM7bAcgFc=';
const GCM = 'dek1:AVwgWpN5W9rLtMmVGZ5tMBoYbB8wCYYDeYk9glYpzlYNa1yfZBIemHH4MaEpGOikdlZyswo1iWJzo8cH++aBoFU=';
const INSTANCE_KEY: SealedKey = {
	id: 'old',
	type: 'data_encryption',
	algorithm: 'aes-256-cbc',
	value: 'AVcA5Ol7xi+7AmxrKAt2VLen8WWCPviKiUolPS06GLmkl1OrLqA3OY8qrSeX4K4JV7yJSrhurh9aSHFe8HXreyVUlS+r06WONA==',
};
const DATA_KEY: SealedKey = {
	id: 'dek1',
	type: 'data_encryption',
	algorithm: 'aes-256-gcm',
	value:
		'AbJTWOJy6PqP2dV/3vMppwTTr3w71BfTmnSZV6XVNgpTgyZU+lo4hqZYYBl2kqH8RLurSa9atnhc7ryYmwh3VwRUqlfvxwbGxCthobh1AQJqr+PWV1kOqDvjOHXKTe4Kpf8Xrf///neNJflJHA9ptLM=',
};

describe('credentials of n8n', () => {
	it('opens what n8n encrypts with its key', () => {
		expect(openCbc(CBC, KEY)).toBe('{"user":"anna"}');
		expect(new InstanceCipher(KEY, []).opens(CBC)).toBe(true);
		expect(new InstanceCipher(KEY, [INSTANCE_KEY, DATA_KEY]).opens(CBC)).toBe(true);
	});

	it('opens what n8n encrypts with a data key, by the id in front of it', () => {
		expect(openGcm(GCM.slice('dek1:'.length), '0f'.repeat(32))).toBe('{"user":"berta"}');
		expect(new InstanceCipher(KEY, [INSTANCE_KEY, DATA_KEY]).opens(GCM)).toBe(true);
		expect(new InstanceCipher(KEY, [INSTANCE_KEY]).opens(GCM)).toBe(false);
	});

	it.each([CBC, GCM])('does not open %s with any other key', (data) => {
		for (let other = 0; other < 600; other++) {
			expect(new InstanceCipher(`other ${other}`, [DATA_KEY]).opens(data)).toBe(false);
		}
	});

	it.each(['', 'U2FsdGVkX18=', 'dek1:', 'dek1:AAAA', 'no base64 at all'])('takes %j for no credential', (data) => {
		expect(new InstanceCipher(KEY, [DATA_KEY]).opens(data)).toBe(false);
	});
});

describe('the verdict on a key', () => {
	const keys = [INSTANCE_KEY, DATA_KEY];

	it('is good where it opens a credential, whatever else there is', () => {
		expect(tryKey(KEY, { credentials: ['U2FsdGVkX18AAAA', GCM], keys })).toBe('opens');
	});

	it('is bad where it opens none', () => {
		expect(tryKey('another', { credentials: [CBC, GCM], keys })).toBe('wrong');
		expect(tryKey(KEY, { credentials: ['U2FsdGVkX18AAAA'], keys })).toBe('wrong');
	});

	it('goes by the data keys where there are no credentials', () => {
		expect(tryKey(KEY, { credentials: [], keys })).toBe('opens');
		expect(tryKey('another', { credentials: [], keys })).toBe('wrong');
		expect(tryKey('another', { credentials: [], keys: [] })).toBe('unproven');
	});
});

describe('the fingerprint of a key', () => {
	it('fits that key alone, and is another one each time', async () => {
		const [one, other] = [await fingerprintOf(KEY), await fingerprintOf(KEY)];
		expect(one).not.toEqual(other);
		expect(await fits(KEY, one)).toBe(true);
		expect(await fits(KEY, other)).toBe(true);
		expect(await fits(`${KEY} `, one)).toBe(false);
	});
});

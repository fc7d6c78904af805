import { describe, expect, it } from 'vitest';

import { presigned, queryText, signed } from '../../../../engine/storage/s3/signature';

// What AWS publishes: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
const KEYS = {
	accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
	secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
	sessionToken: undefined,
	region: 'us-east-1',
};
const NOW = new Date('2013-05-24T00:00:00.000Z');
const HOST = { host: 'examplebucket.s3.amazonaws.com' };
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const signatureIn = (headers: Record<string, string>) => headers['authorization']?.split('Signature=')[1];

describe('the signature of a request', () => {
	it.each([
		[
			'a range of an object',
			{ method: 'GET', path: '/test.txt', headers: { ...HOST, range: 'bytes=0-9' } },
			EMPTY,
			'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
		],
		[
			'an object that is stored, with a letter that is escaped',
			{
				method: 'PUT',
				path: '/test%24file.text',
				headers: {
					...HOST,
					date: 'Fri, 24 May 2013 00:00:00 GMT',
					'x-amz-storage-class': 'REDUCED_REDUNDANCY',
					'content-length': '21',
				},
			},
			'44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
			'98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
		],
		[
			'a query without a value',
			{ method: 'GET', path: `/?${queryText({ lifecycle: '' })}`, headers: HOST },
			EMPTY,
			'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
		],
		[
			'a list',
			{ method: 'GET', path: `/?${queryText({ prefix: 'J', 'max-keys': '2' })}`, headers: HOST },
			EMPTY,
			'34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
		],
	])('is that of the example of AWS: %s', (_what, request, payload, signature) => {
		const headers = signed(request, payload, KEYS, NOW);
		expect(signatureIn(headers)).toBe(signature);
		expect(headers).toMatchObject({ 'x-amz-date': '20130524T000000Z', 'x-amz-content-sha256': payload });
	});

	it('is made by the key of its day, its region and its secret, whatever was signed before', () => {
		const request = { method: 'GET', path: '/test.txt', headers: HOST };
		const keys = { ...KEYS };
		const both = (now: Date) => [signed(request, EMPTY, keys, now), signed(request, EMPTY, { ...keys }, now)] as const;
		const changes = [() => {}, () => (keys.region = 'eu-central-1'), () => (keys.secretAccessKey = 'another')];
		for (const change of changes) {
			change();
			for (const day of ['2013-05-24', '2013-05-25', '2013-05-24']) {
				const [used, fresh] = both(new Date(`${day}T00:00:00.000Z`));
				expect(used).toEqual(fresh);
			}
		}
	});

	it('of an address is that of the example of AWS', () => {
		const request = { method: 'GET', path: '/test.txt', headers: HOST };
		expect(presigned(request, 'https:', 86_400, KEYS, NOW)).toBe(
			'https://examplebucket.s3.amazonaws.com/test.txt?' +
				'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&' +
				'X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&' +
				'X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
		);
	});

	it('covers a session token, which goes along', () => {
		const sessionToken = 'of/a+session==';
		const request = { method: 'GET', path: '/', headers: HOST };
		const headers = signed(request, EMPTY, { ...KEYS, sessionToken }, NOW);
		expect(headers).toMatchObject({ 'x-amz-security-token': sessionToken });
		expect(headers['authorization']).toContain(
			'SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,',
		);
		const address = new URL(presigned(request, 'https:', 60, { ...KEYS, sessionToken }, NOW));
		expect(address.searchParams.get('X-Amz-Security-Token')).toBe(sessionToken);
	});

	it('leaves out what proxies change, and takes spaces as a server reads them', () => {
		const sign = (more: Record<string, string>) =>
			signatureIn(signed({ method: 'PUT', path: '/a', headers: { ...HOST, ...more } }, EMPTY, KEYS, NOW));
		expect(sign({ 'user-agent': 'a', 'content-type': 'text/plain', 'content-length': '1' })).toBe(sign({}));
		expect(sign({ 'x-amz-meta-a': ' two   words ' })).toBe(sign({ 'x-amz-meta-a': 'two words' }));
	});
});

import { describe, expect, it } from 'vitest';

import { addressOf } from '../../../../engine/storage/s3/address';

const SERVER = {
	host: 'minio',
	port: 9000,
	secure: false,
	region: 'us-east-1',
	bucket: 'nightly',
	forcePathStyle: true,
};
const AMAZON = { ...SERVER, host: 's3.amazonaws.com', port: 443, secure: true };

describe('the address of a request', () => {
	it.each([
		[SERVER, 'a/b', 'minio', 'minio:9000', '/nightly/a/b'],
		[SERVER, undefined, 'minio', 'minio:9000', '/nightly'],
		[{ ...SERVER, bucket: '' }, undefined, 'minio', 'minio:9000', '/'],
		[{ ...SERVER, host: '::1' }, undefined, '::1', '[::1]:9000', '/nightly'],
		[{ ...SERVER, port: 80 }, undefined, 'minio', 'minio', '/nightly'],
		[{ ...SERVER, port: 443, secure: true }, undefined, 'minio', 'minio', '/nightly'],
		[{ ...SERVER, forcePathStyle: false }, 'a', 'nightly.minio', 'nightly.minio:9000', '/a'],
		[{ ...SERVER, forcePathStyle: false }, undefined, 'nightly.minio', 'nightly.minio:9000', '/'],
		// A certificate for `*.minio` does not hold for it.
		[{ ...SERVER, forcePathStyle: false, secure: true, bucket: 'a.b' }, 'c', 'minio', 'minio:9000', '/a.b/c'],
		[{ ...SERVER, forcePathStyle: false, bucket: '' }, undefined, 'minio', 'minio:9000', '/'],
	])('%j, key %j', (server, key, host, hostHeader, path) => {
		expect(addressOf(server, key)).toEqual({ host, hostHeader, path });
	});

	it.each([
		['us-east-1', 'nightly.s3.us-east-1.amazonaws.com'],
		['eu-central-1', 'nightly.s3.eu-central-1.amazonaws.com'],
		['us-gov-west-1', 'nightly.s3.us-gov-west-1.amazonaws.com'],
		['cn-northwest-1', 'nightly.s3.cn-northwest-1.amazonaws.com.cn'],
		['somewhere', 'nightly.s3.amazonaws.com'],
	])('of Amazon is that of the region %s, with the bucket in its name', (region, host) => {
		expect(addressOf({ ...AMAZON, region }, 'a')).toEqual({ host, hostHeader: host, path: '/a' });
	});

	it('escapes a key as it is signed', () => {
		expect(addressOf(SERVER, "Bücher/a b+c?d=1&e#f%41!'()*~._-").path).toBe(
			'/nightly/B%C3%BCcher/a%20b%2Bc%3Fd%3D1%26e%23f%2541%21%27%28%29%2A~._-',
		);
	});
});

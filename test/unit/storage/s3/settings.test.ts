import { describe, expect, it } from 'vitest';

import { S3Storage, type S3StorageOptions } from '../../../../engine/storage';
import { objectHeaders, settingsOf } from '../../../../engine/storage/s3/options';
import { elements, escapeXml, textOf } from '../../../../engine/storage/s3/xml';

const OPTIONS: S3StorageOptions = {
	endpoint: 'https://s3.example.com',
	accessKeyId: 'key',
	secretAccessKey: 'secret',
	bucket: 'nightly',
};

describe('settings of an S3 storage', () => {
	it('fills in ports, region and prefix', () => {
		expect(settingsOf(OPTIONS)).toMatchObject({ host: 's3.example.com', port: 443, secure: true, region: 'us-east-1' });
		expect(settingsOf({ ...OPTIONS, endpoint: 'http://[::1]:9000' })).toMatchObject({ host: '::1', port: 9000 });
		expect(settingsOf({ ...OPTIONS, prefix: '/a/b/' }).prefix).toBe('a/b/');
		expect(new S3Storage(OPTIONS).description).toBe('bucket nightly at s3.example.com');
	});

	it.each<Partial<S3StorageOptions>>([
		{ endpoint: 's3.example.com' },
		{ endpoint: 'ftp://s3.example.com' },
		{ endpoint: 'https://s3.example.com/bucket' },
		{ endpoint: 'https://user:password@s3.example.com' },
		{ bucket: 'a/b' },
		{ bucket: '' },
		{ prefix: '../up' },
		{ secretAccessKey: '' },
		{ partSize: 1024 },
		{ concurrency: 0 },
		{ maxParts: 10_001 },
		{ objectLock: { mode: 'COMPLIANCE', days: 0 } },
		{ objectLock: { mode: 'GOVERNANCE', days: Number.NaN } },
	])('refuses %j', (wrong) => {
		expect(() => new S3Storage({ ...OPTIONS, ...wrong })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
	});

	it('turns storage class, encryption and lock into headers', () => {
		const headers = objectHeaders(
			{
				...OPTIONS,
				storageClass: 'STANDARD_IA',
				serverSideEncryption: { kmsKeyId: 'k' },
				objectLock: { mode: 'COMPLIANCE', days: 30 },
			},
			new Date('2026-01-01T00:00:00Z'),
		);
		expect(headers).toEqual({
			'x-amz-storage-class': 'STANDARD_IA',
			'x-amz-server-side-encryption': 'aws:kms',
			'x-amz-server-side-encryption-aws-kms-key-id': 'k',
			'x-amz-object-lock-mode': 'COMPLIANCE',
			'x-amz-object-lock-retain-until-date': '2026-01-31T00:00:00.000Z',
		});
	});
});

describe('the XML of S3', () => {
	it('is read with entities undone, and written with them', () => {
		const xml = '<?xml version="1.0"?><R xmlns="x"><Key>a&amp;b &#x41;&#66;</Key><Key>2</Key><N/></R>';
		expect(elements(xml, 'Key')).toEqual(['a&amp;b &#x41;&#66;', '2']);
		expect(textOf(xml, 'Key')).toBe('a&b AB');
		expect(textOf(xml, 'N')).toBeUndefined();
		expect(textOf(`<T>${escapeXml(`<"a'&>`)}</T>`, 'T')).toBe(`<"a'&>`);
	});
});

import { type INodeProperties, NodeHelpers } from 'n8n-workflow';
import { describe, expect, it } from 'vitest';
import { BackupEncryptionApi } from '../../credentials/BackupEncryptionApi.credentials';
import { BackupStorageApi } from '../../credentials/BackupStorageApi.credentials';

const { properties } = new BackupStorageApi();

const defaults = Object.fromEntries(properties.map(({ name, default: value }) => [name, value]));

/** The names of the fields that the dialog shows of a stored credential. */
const shown = (stored: object) =>
	properties
		.filter((property) => NodeHelpers.displayParameter({ ...defaults, ...stored }, property, null, null))
		.map(({ name }) => name);

/** What n8n stores where somebody saves a stored credential without a change. */
const saved = (stored: object) =>
	NodeHelpers.getNodeParameters(properties, { ...defaults, ...stored }, false, false, null, null);

const MAIN = [
	'type',
	'endpoint',
	'region',
	'bucket',
	'prefix',
	'accessKeyId',
	'secretAccessKey',
	'forcePathStyle',
	'ignoreSslIssues',
	'advanced',
];

describe('the form of Backup Storage', () => {
	it('asks for a folder alone where that is the type', () => {
		expect(shown({ type: 'folder' })).toEqual(['type', 'folderPath']);
	});

	it('shows what everybody needs of S3, and the rest, each field once, where Advanced is on', () => {
		expect(shown({ type: 's3' })).toEqual(MAIN);
		const all = shown({ type: 's3', advanced: true, serverSideEncryption: 'kms', objectLockMode: 'GOVERNANCE' });
		expect(all.slice(0, MAIN.length)).toEqual(MAIN);
		expect(all.slice(MAIN.length)).toEqual([
			'sessionToken',
			'caBundle',
			'storageClass',
			'serverSideEncryption',
			'kmsKeyId',
			'objectLockMode',
			'objectLockDays',
			'partSize',
			'maxParts',
			'outageSeconds',
			'stallSeconds',
		]);
	});

	const EVERYTHING = {
		type: 's3',
		endpoint: 'https://s3.example.com',
		region: 'eu-central-1',
		bucket: 'nightly',
		prefix: 'n8n',
		accessKeyId: 'key',
		secretAccessKey: 'secret',
		sessionToken: 'token',
		forcePathStyle: false,
		caBundle: '-----BEGIN CERTIFICATE-----',
		partSize: 64,
		maxParts: 1000,
		outageSeconds: 600,
		stallSeconds: 90,
		storageClass: 'STANDARD_IA',
		serverSideEncryption: 'kms',
		kmsKeyId: 'backups',
		objectLockMode: 'COMPLIANCE',
		objectLockDays: 90,
	};

	it('keeps every setting of a credential that was stored before there was Advanced, when that is saved again', () => {
		expect(saved(EVERYTHING)).toEqual(EVERYTHING);
		expect(shown(EVERYTHING)).toEqual(expect.arrayContaining(Object.keys(EVERYTHING)));
	});

	it.each(Object.entries(EVERYTHING).filter(([name]) => name in defaults))('keeps %s alone', (name, value) => {
		const needed = { type: 's3', ...(name === 'kmsKeyId' && { serverSideEncryption: 'kms' }) };
		const stored = { ...needed, ...(name === 'objectLockDays' && { objectLockMode: 'COMPLIANCE' }), [name]: value };
		expect(saved(stored)).toEqual(stored);
	});
});

it('placeholders of credentials are examples, and say so', () => {
	const all: INodeProperties[] = [...properties, ...new BackupEncryptionApi().properties];
	const placeholders = all.map(({ placeholder }) => placeholder).filter((text) => text !== undefined);
	expect(placeholders.length).toBeGreaterThan(5);
	for (const placeholder of placeholders) expect(placeholder).toMatch(/^e\.g\. /);
});

import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';
import { describe, expect, it } from 'vitest';

import {
	BACKUP_KINDS,
	type BackupKind,
	type CollectionRestoreReport,
	type Manifest,
	parseManifest,
	type RestoreReport,
} from '../../../../engine';
import { globalsItem, restoreItem } from '../../../../nodes/PostgresDump/restoreItem';
import { restoreItem as collectionItem } from '../../../../nodes/QdrantSnapshot/restoreItem';
import type { OpenSource } from '../../../../nodes/QdrantSnapshot/restoreSource';
import { backupColumns, stateOf } from '../../../../nodes/shared/backupColumns';
import { madeItem } from '../../../../nodes/shared/backupItem';
import { inOneText, isSimplified, itemOf } from '../../../../nodes/shared/simplify';
import { columnsOf, expectMore } from '../../../nodes/table';
import { withFields } from '../PruneRetention/support';

const KEY = 'postgres/shop_20260131_020000.sql.zst.gpg';

/** Of a backup of which there is as much to tell as there can be. */
function manifestOf(kind: BackupKind = 'postgres', more: Partial<Manifest> = {}): Manifest {
	return {
		formatVersion: 2,
		id: '0b6a3a52-6e0a-4a8f-9d0e-5f1d8c3b7a11',
		kind,
		name: 'shop',
		file: 'shop_20260131_020000.sql.zst.gpg',
		folder: 'postgres',
		startedAt: '2026-01-31T02:00:00.000Z',
		finishedAt: '2026-01-31T02:00:05.000Z',
		source: { system: kind, version: '1' },
		tool: { name: 'test', version: '1' },
		codec: { name: 'zstd', level: 3 },
		encryption: { format: 'openpgp', cipher: 'AES-256', passphrase: true, recipients: [] },
		size: { raw: 1_000_000, compressed: 437_900, stored: 437_900 },
		sha256: '0'.repeat(64),
		parts: [],
		counts: { tables: 12, rows: 345_678, points: 1000, shards: 2, roles: 3, collections: 2 },
		partial: { content: 'schema', selection: ['--table=users'] },
		options: {},
		warnings: ['Something was left out.'],
		runId: 'n8n-17',
		tags: ['nightly'],
		pinned: true,
		...more,
	};
}

const contentOf = () => ({ name: { database: null }, content: { counts: {}, aliases: [] } });
const context = { addExecutionHints() {} } as unknown as IExecuteFunctions;

describe('what stands in a table', () => {
	it('leaves out what is not known, and keeps what is 0 or no', () => {
		const columns = { name: 'shop', rows: 0, pinned: false, verified: null, key: undefined, problem: '' };
		expect(itemOf(columns, { tags: [] }, true)).toEqual({ name: 'shop', rows: 0, pinned: false });
		expect(itemOf(columns, { tags: [], verified: null }, false)).toEqual({
			name: 'shop',
			rows: 0,
			pinned: false,
			tags: [],
			verified: null,
		});
	});

	it('counts the messages that there is no room for', () => {
		expect(inOneText([])).toBeUndefined();
		expect(inOneText(['One.', 'Two.', 'Three.'])).toBe('One. Two. Three.');
		expect(inOneText(['One.', 'Two.', 'Three.', 'Four.', 'Five.'])).toBe('One. Two. Three. And 2 more.');
	});

	it('is what is asked for unless it is turned off, also by an expression', () => {
		expect(isSimplified(withFields({}), 0)).toBe(true);
		expect(isSimplified(withFields({ simplify: 'false' }), 0)).toBe(false);
		expect(() => isSimplified(withFields({ simplify: 5 }), 0)).toThrow('Simplify is 5.');
	});
});

describe('the row of a backup', () => {
	it.each(BACKUP_KINDS)('of the kind %s is flat and of at most ten fields, made, listed or as binary data', (kind) => {
		const manifest = manifestOf(kind);
		const made = (isBinary: boolean, isSimple: boolean) =>
			madeItem({ manifest, key: KEY, warnings: manifest.warnings, contentOf, isBinary }, isSimple);
		const inStorage = made(false, true);
		expect(columnsOf([inStorage])).toEqual(expect.arrayContaining(['warning', 'key', 'id', 'runId', 'file']));
		expect(columnsOf([made(true, true)])).toEqual(expect.arrayContaining(['warning', 'id', 'runId', 'manifest']));
		expectMore(inStorage, made(false, false));
		expectMore(made(true, true), made(true, false));
		const listed = itemOf(backupColumns(manifest, { key: KEY, problems: ['forged'], verified: 'failed' }), {}, true);
		expect(columnsOf([listed])).toEqual(expect.arrayContaining(['verified', 'key', 'id', 'runId', 'file']));
	});

	it('tells first what people look for', () => {
		expect(Object.entries(backupColumns(manifestOf(), { key: KEY, verified: 'passed' }))).toEqual([
			['name', 'shop'],
			['startedAt', '2026-01-31T02:00:00.000Z'],
			['size', '437.9 kB'],
			['rows', 345_678],
			['state', 'schema only, some tables, encrypted, pinned, 1 warning'],
			['verified', 'passed'],
			['file', 'shop_20260131_020000.sql.zst.gpg'],
			['key', KEY],
			['id', '0b6a3a52-6e0a-4a8f-9d0e-5f1d8c3b7a11'],
			['runId', 'n8n-17'],
		]);
		expect(backupColumns(manifestOf('qdrant'), {})).toMatchObject({ points: 1000 });
	});

	it('has its state in plain words', () => {
		const plain = { partial: undefined, encryption: null, pinned: undefined, warnings: [] };
		const whole = manifestOf('postgres', plain);
		expect(stateOf(whole)).toBe('whole');
		expect(stateOf(whole, ['archive missing'])).toBe('archive missing');
		expect(stateOf({ ...whole, warnings: ['a', 'b'] })).toBe('whole, 2 warnings');
	});

	it('has the manifest as the text that Restore takes', () => {
		const manifest = manifestOf();
		const { manifest: text } = madeItem({ manifest, key: KEY, warnings: [], contentOf, isBinary: true }, true);
		expect(parseManifest(text as string, 'of the item')).toEqual(manifest);
	});
});

/** The row of something, which has more to tell with Simplify off. */
function rowOf(make: (isSimple: boolean) => IDataObject): IDataObject {
	const simple = make(true);
	columnsOf([simple]);
	expectMore(simple, make(false));
	return simple;
}

describe('the row of a restore', () => {
	const from = { id: 'an id', file: 'shop.sql.zst', startedAt: '2026-01-31T02:00:00.000Z', partial: false };
	const failures = ['view a', 'view b', 'view c', 'view d'].map((object) => ({ object, message: 'No right.' }));
	const report = {
		database: 'shop',
		previousDatabase: 'shop_before',
		objects: 7,
		rows: 99,
		tables: [{ schema: 'public', name: 'users', rows: 99, expected: undefined }],
		failures,
		warnings: ['A trigger fires no longer.'],
		duration: 1500,
	} as unknown as RestoreReport;

	it('of a database tells what is missing and what to know', () => {
		expect(rowOf((isSimple) => restoreItem(context, report, from, isSimple))).toEqual({
			database: 'shop',
			state: 'restored without 4 objects',
			rows: 99,
			problem: 'view a: No right. view b: No right. view c: No right. And 1 more.',
			warning: 'A trigger fires no longer.',
			durationSeconds: 1.5,
			previousDatabase: 'shop_before',
			file: 'shop.sql.zst',
			startedAt: '2026-01-31T02:00:00.000Z',
			id: 'an id',
		});
		const good = { ...report, previousDatabase: undefined, failures: [], warnings: [] };
		expect(rowOf((isSimple) => restoreItem(context, good, { file: 'dump.sql' }, isSimple))).toEqual({
			database: 'shop',
			state: 'restored',
			rows: 99,
			durationSeconds: 1.5,
			file: 'dump.sql',
		});
	});

	it('of roles and globals counts them', () => {
		const globals = { created: ['a', 'b'], updated: ['c'], skipped: ['d'], failed: failures, warnings: ['Odd.'] };
		const row = rowOf((isSimple) => globalsItem(context, globals, { duration: 1500, from }, isSimple));
		expect(row).toMatchObject({ state: '2 created, 1 updated, 1 left as they were', warning: 'Odd.', id: 'an id' });
	});

	it('of a collection tells where it is from', () => {
		const restored = {
			collection: 'docs_new',
			previous: 'docs_before',
			points: 5,
			expectedPoints: 5,
			status: 'green',
			indexedVectors: 5,
			sampleSearch: 'passed',
			aliases: ['docs'],
			warnings: ['It is still being indexed.'],
			serverVersion: '1.16.3',
			duration: 2000,
		} as unknown as CollectionRestoreReport;
		const open = { manifest: manifestOf('qdrant'), remark: 'An older one was chosen.' } as unknown as OpenSource;
		expect(rowOf((isSimple) => collectionItem(context, restored, open, isSimple))).toMatchObject({
			collection: 'docs_new',
			points: 5,
			warning: 'An older one was chosen. It is still being indexed.',
			previous: 'docs_before',
		});
	});
});

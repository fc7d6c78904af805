import { describe, expect, it } from 'vitest';

import { BACKUP_KINDS } from '../../../../engine';
import { filtersOf } from '../../../../nodes/VerifyArchive/filters';
import { chosenReference, incomingReference } from '../../../../nodes/VerifyArchive/reference';
import { scratchSettings, withScratch } from '../../../../nodes/VerifyArchive/scratch';
import { trendSettings } from '../../../../nodes/VerifyArchive/trendSettings';
import {
	fileLevelFor,
	levelFor,
	type VerifySettings,
	verifySettings,
} from '../../../../nodes/VerifyArchive/verifySettings';
import { manifestOf, refusal, withFields } from './support';

const SCRATCH = {
	postgresTarget: 'inProcess',
	maxSize: 100,
	qdrantTarget: 'none',
	filesTarget: 'temporary',
	minioTarget: 'none',
	assertions: {},
};
const RESTORE = { which: 'all', level: 'restore', ...SCRATCH };
const settingsOf = (fields: Record<string, unknown>) => verifySettings(withFields(fields), 0);

describe('the fields of Verify', () => {
	it('become settings, without limits where none are set', () => {
		expect(settingsOf({ which: 'one', level: 'content', options: {} })).toEqual({
			which: 'one',
			level: 'content',
			scratch: undefined,
			prefix: '',
			records: true,
			maxBackups: Infinity,
			stopAfter: Infinity,
			connection: {},
		});
		const options = { folder: '/postgres/', record: false, maxBackups: '3', stopAfter: 2 };
		expect(settingsOf({ ...RESTORE, options })).toMatchObject({
			scratch: {
				places: ['postgres', 'files', 'n8n'],
				filesFolder: undefined,
				maxRawBytes: 100_000_000,
				assertions: [],
			},
			prefix: 'postgres/',
			records: false,
			maxBackups: 3,
			stopAfter: 120_000,
		});
	});

	it('are refused by name where an expression gives something else', () => {
		const good = { which: 'one', level: 'content' };
		expect(() => settingsOf({ ...good, which: 'some' })).toThrow(refusal('Which Backups is "some"'));
		expect(() => settingsOf({ ...good, level: undefined })).toThrow(refusal('Level is undefined'));
		expect(() => settingsOf({ ...good, options: { record: 'maybe' } })).toThrow(refusal('Record Result is "maybe"'));
		expect(() => settingsOf({ ...good, options: { stopAfter: -1 } })).toThrow(refusal('Stop After (Minutes)'));
		expect(() => settingsOf({ ...RESTORE, maxSize: 'much' })).toThrow(refusal('Max Size (MB)'));
		expect(() => settingsOf({ ...RESTORE, qdrantTarget: 'cloud' })).toThrow(refusal('Qdrant Into is "cloud"'));
		expect(() => settingsOf({ ...RESTORE, filesTarget: 'tmp' })).toThrow(refusal('Files Into is "tmp"'));
		const unnamed = { ...RESTORE, filesTarget: 'folder', scratchFolder: ' ' };
		expect(() => settingsOf(unnamed)).toThrow(/No folder for test restores is named/);
		expect(() => settingsOf({ ...RESTORE, minioTarget: 's3' })).toThrow(refusal('Buckets Into is "s3"'));
		const unchosen = { ...RESTORE, minioTarget: 'prefix', scratchBucket: ' ' };
		expect(() => settingsOf(unchosen)).toThrow(/No bucket for test restores is named/);
	});

	it('restore no kind for a test that has no way or no place to be', () => {
		const without = settingsOf(RESTORE);
		const withQdrant = settingsOf({ ...RESTORE, qdrantTarget: 'server' });
		expect([levelFor('postgres', without), levelFor('qdrant', without)]).toEqual(['restore', 'content']);
		expect([levelFor('qdrant', withQdrant), levelFor('qdrant-storage', withQdrant)]).toEqual(['restore', 'content']);
		const withoutFiles = settingsOf({ ...RESTORE, filesTarget: 'none' });
		expect([levelFor('files', without), levelFor('files', withoutFiles)]).toEqual(['restore', 'content']);
		const withBuckets = settingsOf({ ...RESTORE, minioTarget: 'bucket' });
		expect([levelFor('minio', without), levelFor('minio', withBuckets)]).toEqual(['content', 'restore']);
		const ofFiles = (settings: VerifySettings) =>
			(['postgres', 'qdrant', undefined] as const).map((system) => fileLevelFor(system, settings));
		expect(ofFiles(without)).toEqual(['restore', 'content', 'content']);
		expect(ofFiles(withQdrant)).toEqual(['restore', 'restore', 'content']);
		const shallow = settingsOf({ which: 'all', level: 'integrity' });
		expect([...BACKUP_KINDS.map((kind) => levelFor(kind, shallow)), fileLevelFor('postgres', shallow)]).toEqual(
			[...BACKUP_KINDS, undefined].map(() => 'integrity'),
		);
	});
});

describe('the assertions', () => {
	const assertion = [
		{ database: '', sql: 'SELECT true' },
		{ database: ' shop ', sql: 'SELECT count(*) > 0\nFROM users' },
		{ database: 'crm', sql: 'SELECT 1 = 1' },
	];
	const settings = (assertions: unknown) =>
		scratchSettings(withFields({ ...SCRATCH, filesTarget: 'none', assertions }), 0);

	it('go to the databases that they name, and those that were never asked are told', async () => {
		const context = withFields({});
		await withScratch(context, 0, settings({ assertion }), {}, (scratch) => {
			const inMemory = { type: 'inProcess', maxRawBytes: 100_000_000 };
			const targetsOf = (facts = {}) => scratch.targetsFor(manifestOf(facts));
			const assertions = ['SELECT true', 'SELECT count(*) > 0\nFROM users'];
			expect(targetsOf()).toEqual({ postgres: { ...inMemory, assertions } });
			expect(targetsOf({ name: 'other' })).toEqual({ postgres: { ...inMemory, assertions: ['SELECT true'] } });
			expect(targetsOf({ kind: 'qdrant', name: 'crm' })).toEqual({ postgres: inMemory });
			expect(scratch.unasked()).toEqual(['crm']);
			return Promise.resolve();
		});
	});

	it('are refused where one is empty', () => {
		expect(() => settings({ assertion: [{ sql: 'SELECT true' }, { database: 'shop' }] })).toThrow(
			refusal('Assertion 2 is empty'),
		);
		expect(() => settings('SELECT true')).toThrow(refusal('SQL Assertions is "SELECT true"'));
		expect(settings({}).assertions).toEqual([]);
	});
});

describe('which backups', () => {
	it('are named by id or by key', () => {
		const incoming = (incomingBackup: unknown) => incomingReference(withFields({ incomingBackup }), 0);
		const { id } = manifestOf();
		expect(incoming(id)).toEqual({ id });
		expect(incoming('postgres/shop_1.sql.zst')).toEqual({ file: 'postgres/shop_1.sql.zst' });
		expect(() => incoming(undefined)).toThrow(refusal('The incoming item tells of no backup'));
		const chosen = (mode: string, value: unknown) => chosenReference(withFields({ backup: { mode, value } }), 0);
		expect([chosen('latest', 'shop'), chosen('file', 'a/b'), chosen('list', id)]).toEqual([
			{ latest: 'shop' },
			{ file: 'a/b' },
			{ id },
		]);
		expect(() => chosen('id', ' ')).toThrow(refusal('No backup is chosen'));
	});

	it('are narrowed down by filters that hold something', () => {
		const filters = (fields: unknown) => filtersOf(withFields({ filters: fields }), 0);
		expect(filters({})).toEqual({});
		expect(filters({ kinds: ['qdrant'], names: 'docs, images' })).toEqual({
			kinds: ['qdrant'],
			names: ['docs', 'images'],
		});
		expect(() => filters({ names: '' })).toThrow(refusal('Names is empty'));
		expect(() => filters({ kinds: ['mysql'] })).toThrow(refusal('Kinds is "mysql"'));
	});
});

it('takes the options of a trend, of which the least difference is a share', () => {
	const trend = (options: unknown) => trendSettings(withFields({ options }), 0);
	expect(trend({})).toEqual({ window: 30, minSamples: 5, deviations: 5, minShare: 0.3 });
	expect(trend({ minShare: 50, measures: ['size'], window: 7 })).toMatchObject({
		minShare: 0.5,
		measures: ['size'],
		window: 7,
	});
	expect(() => trend({ measures: ['weight'] })).toThrow(refusal('Measures is "weight"'));
});

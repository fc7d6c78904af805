import { describe, expect, it } from 'vitest';

import {
	type BackupEntry,
	type KnownBackup,
	BackupError,
	type DrillReport,
	type Finding,
	type VerificationReport,
} from '../../../../engine';
import { drillOutcome, gapMessage } from '../../../../nodes/VerifyArchive/drillItem';
import { missingOutcome, reportOutcome } from '../../../../nodes/VerifyArchive/reportItem';
import { damagedOutcome, newestOfEach, seriesWith, trendOutcome } from '../../../../nodes/VerifyArchive/trend';
import { columnsOf, expectMore } from '../../../nodes/table';
import { manifestOf } from './support';

const KEY = 'postgres/shop_20260131_020000.sql.zst';
const WARNING: Finding = { severity: 'warning', level: 'content', message: 'Something is odd.' };
const ERROR: Finding = {
	severity: 'error',
	level: 'content',
	part: 'public.users',
	message: 'Rows are missing.',
	hint: 'Take another one.',
};
const INCONCLUSIVE: Finding = {
	severity: 'inconclusive',
	level: 'integrity',
	message: 'There is no key.',
	code: 'KEY_MISSING',
};

function reportOf(facts: Partial<VerificationReport> = {}): VerificationReport {
	return {
		verdict: 'passed',
		requested: 'content',
		reached: 'content',
		key: KEY,
		manifest: manifestOf(),
		format: undefined,
		system: undefined,
		levels: [
			{ level: 'integrity', findings: [], counts: { parts: 3 }, duration: 1500 },
			{ level: 'content', findings: [], counts: { tables: 2, rows: 100 }, duration: 500 },
		],
		findings: [],
		storedBytes: 4_000_000,
		rawBytes: 9_000_000,
		startedAt: '2026-02-01T00:00:00.000Z',
		duration: 2000,
		...facts,
	};
}

const FACTS = { asked: 'content' as const, recorded: true, isSimple: false };

describe('the item of a verification', () => {
	it('tells of one that has passed, in seconds and megabytes a second', () => {
		const { json, passed } = reportOutcome(reportOf({ findings: [WARNING] }), FACTS);
		expect(passed).toBe(true);
		expect(json).toMatchObject({
			verdict: 'passed',
			problem: null,
			hint: null,
			reached: 'content',
			name: 'shop',
			findings: [{ severity: 'warning', part: null, hint: null, code: null }],
			levels: [{ level: 'integrity', durationSeconds: 1.5 }, { durationSeconds: 0.5 }],
			counts: { parts: 3, tables: 2, rows: 100 },
			durationSeconds: 2,
			throughputMBps: 2,
			verifiedAt: '2026-02-01T00:00:02.000Z',
			recorded: true,
		});
		expect(json).not.toHaveProperty('format');
	});

	it('says of one that has failed what is wrong and what to do', () => {
		const failed = reportOutcome(
			reportOf({ verdict: 'failed', reached: 'integrity', findings: [ERROR, WARNING] }),
			FACTS,
		);
		expect(failed).toMatchObject({
			passed: false,
			told: `${KEY}: failed. Rows are missing.`,
			json: { problem: 'Rows are missing. (1 more finding)', hint: 'Take another one.' },
		});
		const { json } = reportOutcome(
			reportOf({ verdict: 'incomplete', reached: undefined, findings: [INCONCLUSIVE] }),
			FACTS,
		);
		expect(json).toMatchObject({ reached: null, problem: 'There is no key.' });
		expect(json['hint']).toMatch(/nothing against the backup/);
		const silent = reportOutcome(reportOf({ verdict: 'incomplete', findings: [] }), FACTS);
		expect(silent.json['problem']).toBe('It was not checked as deep as was asked.');
	});

	it('says so where less was done than was asked', () => {
		const asked = { ...FACTS, asked: 'restore' as const };
		const messages = (report: VerificationReport) =>
			(reportOutcome(report, asked).json['findings'] as Finding[]).map(({ message }) => message);
		expect(messages(reportOf({ manifest: manifestOf({ kind: 'qdrant' }) }))).toEqual([
			expect.stringContaining('no server is chosen for it (Qdrant Into)'),
		]);
		expect(messages(reportOf({ manifest: undefined, format: 'JSON' }))).toEqual([
			expect.stringMatching(/^This file was not restored for a test: only SQL dumps/),
		]);
		expect(messages(reportOf({ manifest: undefined, format: 'snapshot of Qdrant in gzip', system: 'qdrant' }))).toEqual(
			[expect.stringMatching(/^This file was not restored .*Qdrant Into/)],
		);
		expect(messages(reportOf({ requested: 'restore', reached: 'restore' }))).toEqual([]);
	});

	it('is a row of a table unless Simplify is off', () => {
		const rows = (report: VerificationReport) => {
			const [simple, full] = [true, false].map((isSimple) => reportOutcome(report, { ...FACTS, isSimple }).json);
			expectMore(simple!, full!);
			return simple!;
		};
		const passed = [rows(reportOf()), rows(reportOf({ findings: [WARNING] }))];
		expect(columnsOf(passed)).toEqual([
			...['name', 'verdict', 'kind', 'reached', 'startedAt', 'durationSeconds', 'key', 'id', 'warning'],
		]);
		expect(passed[1]).toMatchObject({ name: 'shop', warning: 'Something is odd.' });
		const failed = rows(reportOf({ verdict: 'failed', reached: 'integrity', findings: [ERROR, WARNING] }));
		const missing = missingOutcome(new BackupError('STORAGE_MISSING', 'There is none.'), true).json;
		expect(columnsOf([failed, missing])).toHaveLength(10);
		expect(failed).toMatchObject({ problem: 'Rows are missing. (1 more finding)', hint: 'Take another one.' });
		expect(columnsOf([rows(reportOf({ manifest: undefined, format: 'JSON' }))])).toContain('format');
	});

	it('has no division by zero, and no backup where there is none', () => {
		expect(reportOutcome(reportOf({ duration: 0 }), FACTS).json['throughputMBps']).toBeNull();
		const missing = missingOutcome(new BackupError('STORAGE_MISSING', 'There is no backup of shop.'), false);
		expect(missing).toMatchObject({
			passed: false,
			json: { verdict: 'failed', key: null, hint: expect.any(String) as string },
		});
	});
});

function drillOf(facts: Partial<DrillReport> = {}): DrillReport {
	return {
		verdict: 'passed',
		startedAt: '2026-02-01T00:00:00.000Z',
		duration: 9000,
		runId: null,
		backups: [
			{
				kind: 'postgres',
				name: 'shop',
				key: KEY,
				id: manifestOf().id,
				startedAt: '2026-01-31T02:00:00.000Z',
				rawBytes: 10_000,
				verdict: 'passed',
				notRestored: null,
				assertionsNotRun: [],
				requested: 'restore',
				reached: 'restore',
				restoreTime: 2345,
				age: 79_200_000,
				findings: [],
			},
		],
		systems: [{ kind: 'postgres', backups: 1, verdict: 'passed', recoveryTime: 2345, recoveryPoint: 79_200_000 }],
		recoveryTime: { sequential: 2345, parallel: 2345 },
		recoveryPoint: 79_200_000,
		spread: 0,
		gaps: [],
		...facts,
	};
}

describe('the item of a drill', () => {
	it('sums up in seconds and hours, as data and as text', () => {
		const { json, passed } = drillOutcome(drillOf(), 1, false);
		expect(passed).toBe(true);
		expect(json).toMatchObject({
			subject: 'Drill passed: 1 backup, back in 2.35 s, data 22 hours old',
			recoveryTimeSeconds: 2.345,
			recoveryPointHours: 22,
			spreadSeconds: 0,
			backups: [{ name: 'shop', restoreSeconds: 2.345, ageHours: 22, problem: null }],
			systems: [{ kind: 'postgres', recoveryTimeSeconds: 2.345, recoveryPointHours: 22 }],
		});
		expect(json['text']).toBe(
			[
				'Drill passed: 1 backup, back in 2.35 s, data 22 hours old.',
				'',
				'Recovery time: 2.345 s one after the other, 2.345 s with all systems at once.',
				'Recovery point: 22 hours.',
				'',
				'- shop (postgres): passed, restored in 2.345 s, 22 hours old',
			].join('\n'),
		);
	});

	it('never looks like a whole one where something was not restored: names it, the field, and what to do', () => {
		const [restored] = drillOf().backups;
		const read = { ...restored!, requested: 'content' as const, reached: 'content' as const, restoreTime: null };
		const docs = { ...read, kind: 'qdrant' as const, name: 'docs', notRestored: 'noPlace' as const };
		const crm = { ...read, name: 'crm', notRestored: 'tooLarge' as const, rawBytes: 523_400_000 };
		const inPart = drillOutcome(drillOf({ verdict: 'passedInPart', backups: [restored!, crm, docs] }), 3, false);
		expect(inPart.passed).toBe(true);
		expect(inPart.json).toMatchObject({
			verdict: 'passedInPart',
			subject: 'Drill passed in part: 1 of 3 backups, back in 2.35 s, data 22 hours old',
			problem:
				'Not restored for a test, only the content was verified: crm (postgres): it holds 524 MB, more than Max Size (MB); docs (qdrant): no server is chosen in Qdrant Into.',
			hint: expect.stringMatching(
				/^Raise Max Size \(MB\), .* PostgreSQL Into\. Choose .* Qdrant Into, or .* Kinds\.$/,
			) as string,
			backups: [
				{ notRestored: null },
				{ notRestored: expect.any(String) as string },
				{ name: 'docs', restoreSeconds: null },
			],
		});
		expect(inPart.json['text']).toMatch(
			/at once, without what was not restored\.[^]*- docs \(qdrant\): content verified, not restored \(no server is chosen in Qdrant Into\), 22 hours old$/,
		);
		const bad = { ...docs, verdict: 'failed' as const, findings: [ERROR] };
		const { json } = drillOutcome(drillOf({ verdict: 'failed', backups: [restored!, bad] }), 2, false);
		expect(json).toMatchObject({
			problem: 'docs: Rows are missing.',
			text: expect.stringMatching(/failed, not restored/) as string,
		});
		const none = { recoveryTime: { sequential: null, parallel: null }, verdict: 'incomplete' as const };
		const nothing = drillOutcome(drillOf({ ...none, backups: [docs] }), 1, false);
		expect(nothing.passed).toBe(false);
		expect(nothing.told).toMatch(
			/^Drill incomplete: 0 of 1 backup, .* Nothing was restored for a test, only the content was verified: docs \(qdrant\): no server is chosen in Qdrant Into\.$/,
		);
		const many = drillOutcome(
			drillOf({ verdict: 'passedInPart', backups: [restored!, ...Array.from({ length: 12 }, () => docs)] }),
			1,
			false,
		);
		expect(many.json['problem']).toMatch(/; and 2 more\.$/);
		const reasons = ['noWay', 'noMemory'] as const;
		for (const notRestored of reasons) {
			const { json: one } = drillOutcome(
				drillOf({ verdict: 'passedInPart', backups: [restored!, { ...docs, notRestored }] }),
				1,
				false,
			);
			expect([one['problem'], one['hint']]).toEqual([
				expect.stringMatching(/docs.*: .*\.$/),
				expect.stringMatching(/\.$/),
			]);
		}
	});

	it('tells which assertions were not run, cut where they are long or many', () => {
		const [restored] = drillOf().backups;
		const left = { restoreTime: null, notRestored: 'tooLarge' as const, reached: 'content' as const };
		const out = (...assertionsNotRun: string[]) => {
			const backups = [restored!, { ...restored!, ...left, rawBytes: 2_000_000, name: 'crm', assertionsNotRun }];
			return drillOutcome(drillOf({ verdict: 'incomplete', backups }), 2, false);
		};
		const { json, passed, told } = out('SELECT false');
		expect(passed).toBe(false);
		const why = 'it holds 2 MB, more than Max Size (MB), so this assertion was not run: "SELECT false"';
		expect(told).toContain(why);
		expect(json).toMatchObject({
			problem: `Not restored for a test, only the content was verified: crm (postgres): ${why}.`,
			text: expect.stringContaining(`- crm (postgres): content verified, not restored (${why})`) as string,
			backups: [{ assertionsNotRun: [] }, { assertionsNotRun: ['SELECT false'] }],
		});
		expect(out('SELECT\n\ttrue', 'B', `C${'c'.repeat(200)}`, 'D', 'E').json['problem']).toMatch(
			/, so these assertions were not run: "SELECT true", "B", "Cc+…" and 2 more\.$/,
		);
	});

	it('asks for what helps: roles are restored in memory, whatever server is chosen for databases', () => {
		const [restored] = drillOf().backups;
		const out = { ...restored!, restoreTime: null, notRestored: 'noMemory' as const };
		const roles = { ...out, kind: 'postgres-globals' as const, name: 'globals' };
		const hintOf = (...backups: DrillReport['backups']) =>
			drillOutcome(drillOf({ verdict: 'incomplete', backups }), 1, false).json['hint'];
		const ofRoles = 'Give n8n more memory: roles are restored inside n8n in any case.';
		const ofDatabases = 'Give n8n more memory, or choose a scratch server in PostgreSQL Into.';
		expect(hintOf(restored!, roles)).toBe(ofRoles);
		expect(hintOf(restored!, out, out, roles)).toBe(`${ofDatabases} ${ofRoles}`);
	});

	it('says so where nothing but roles was restored', () => {
		const [shop] = drillOf().backups;
		const roles = { ...shop!, kind: 'postgres-globals' as const, name: 'globals' };
		const docs = {
			...shop!,
			kind: 'qdrant' as const,
			name: 'docs',
			restoreTime: null,
			notRestored: 'noPlace' as const,
		};
		const { json } = drillOutcome(drillOf({ verdict: 'incomplete', backups: [roles, docs] }), 2, false);
		expect(json['problem']).toMatch(/^Nothing but roles was restored for a test, only the content was verified: docs /);
	});

	it('names the worst, and what is missing', () => {
		const [good] = drillOf().backups;
		const bad = { ...good!, verdict: 'failed' as const, restoreTime: null, findings: [ERROR] };
		const nothing = { name: null, key: null, startedAt: null, origin: null, problem: null };
		const gap = { reason: 'none' as const, kind: 'minio' as const, ...nothing };
		const unknown = { recoveryTime: { sequential: null, parallel: null }, gaps: [gap] };
		const { json, passed, told } = drillOutcome(
			drillOf({ verdict: 'failed', backups: [good!, bad], ...unknown }),
			2,
			false,
		);
		expect(passed).toBe(false);
		expect(json).toMatchObject({
			problem: 'shop: Rows are missing.',
			hint: 'Take another one.',
			recoveryTimeSeconds: null,
		});
		expect(told).toBe('Drill failed: 2 backups, data 22 hours old, 1 gap. shop: Rows are missing.');
		expect(json['text']).toMatch(
			/not everything was restored[^]*Take another one\.[^]*Missing:\n- There is no backup of the kind minio\.$/,
		);
		const simple = drillOutcome(drillOf({ verdict: 'failed', backups: [good!, bad], ...unknown }), 2, true).json;
		columnsOf([simple]);
		expectMore(simple, json);
		const empty = drillOutcome(drillOf({ verdict: 'failed', backups: [], recoveryPoint: null, ...unknown }), 0, false);
		expect(empty.json['problem']).toBe('There is no backup of the kind minio.');
	});

	it('tells every sort of gap as a sentence', () => {
		const backup = { name: 'docs', key: KEY, startedAt: '2026-01-31T02:00:00.000Z' };
		const gap = { kind: 'qdrant' as const, ...backup, origin: 'db:6333', problem: 'It is not valid JSON.' };
		const reasons = ['none', 'notWhole', 'part', 'outdated', 'damaged', 'unknown'] as const;
		for (const reason of reasons) expect(gapMessage({ ...gap, reason })).toMatch(/^[A-Z].*\.$/);
		expect(gapMessage({ ...gap, reason: 'none', kind: null })).toBe('There is no backup.');
	});
});

const ids = (entries: readonly KnownBackup[]) => entries.map(({ manifest: { id } }) => id);

function entryOf(id: string, facts: Parameters<typeof manifestOf>[0] = {}): BackupEntry {
	const source = { system: 'postgresql', version: '18' };
	return { manifest: manifestOf({ id, source, ...facts }), key: id, folder: '', manifestKey: '', foundSize: 0 };
}

describe('a trend', () => {
	it('is looked at for the newest of each series and selection', () => {
		const partial = { content: 'all' as const, selection: ['--table=a', '--table=b'] };
		const sameInOtherOrder = { ...partial, selection: ['--table=b', '--table=a'] };
		const entries = [
			entryOf('new'),
			entryOf('part', { partial }),
			entryOf('old'),
			entryOf('old part', { partial: sameInOtherOrder }),
			entryOf('collection', { kind: 'qdrant' }),
			entryOf('other', { name: 'crm' }),
		];
		expect(ids(newestOfEach(entries))).toEqual(['new', 'part', 'collection', 'other']);
	});

	it('has each backup once, however many copies there are of it', () => {
		const [a, b] = [entryOf('a'), entryOf('b')];
		const copy = { ...a, key: 'weekly/2026_W05/a' };
		const others = [entryOf('crm', { name: 'crm' }), { ...entryOf('eu'), key: 'eu/a' }];
		const inRoot = [a, b, copy, ...others];
		expect(seriesWith(a, inRoot).map(({ id }) => id)).toEqual(['a', 'b']);
	});

	it('tells what is unusual, and what to do', () => {
		const days = Array.from({ length: 6 }, (_, day) =>
			manifestOf({
				id: `day ${day}`,
				startedAt: `2026-01-0${day + 1}T02:00:00.000Z`,
				finishedAt: `2026-01-0${day + 1}T02:00:05.000Z`,
			}),
		);
		const small = { size: { raw: 10, compressed: 10, stored: 10 }, counts: { rows: 1 } };
		const { json, passed, told } = trendOutcome(entryOf('small', small), days, {}, false);
		expect(passed).toBe(false);
		expect(json).toMatchObject({
			verdict: 'unusual',
			id: 'small',
			anomalies: [
				{ measure: 'size', median: 1000 },
				{ measure: 'rows', median: 100 },
			],
			hint: expect.stringMatching(/source has changed/) as string,
		});
		expect(told).toMatch(/^small: The stored size/);
		const row = trendOutcome(entryOf('small', small), days, {}, true).json;
		expectMore(row, json);
		const points = trendOutcome(entryOf('docs', { kind: 'qdrant', counts: { points: 5 } }), [], {}, true).json;
		const error = new BackupError('MANIFEST_INVALID', 'It is not valid JSON.');
		const damaged = { manifestKey: 'a.manifest.json', error, modifiedAt: new Date() };
		expect(columnsOf([row, points, damagedOutcome(damaged, true).json])).toHaveLength(10);
		expect(trendOutcome(entryOf('usual'), days, {}, false)).toMatchObject({
			passed: true,
			json: { verdict: 'passed', problem: null },
		});
	});
});

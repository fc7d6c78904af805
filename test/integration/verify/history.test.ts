import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';

import { describe, expect, it } from 'vitest';

import { BackupError } from '../../../engine/errors';
import { FolderStorage } from '../../../engine/storage';
import {
	chooseBackups,
	readVerification,
	recordVerification,
	type Verdict,
	type VerificationLevel,
	type VerificationReport,
	verificationState,
	verifyBackup,
} from '../../../engine';
import { temporaryStorage, writeSample } from '../archive/support';

async function sample() {
	const { storage, root, files } = temporaryStorage();
	const { key, manifest } = await writeSample(storage);
	const report = await verifyBackup({ storage, key, level: 'integrity' });
	const seconds = (
		at: number,
		verdict: Verdict,
		requested: VerificationLevel = 'integrity',
		reached = verdict === 'passed' ? requested : undefined,
	): VerificationReport => ({
		...report,
		verdict,
		requested,
		reached,
		startedAt: new Date(Date.UTC(2026, 0, 1) + at * 1000).toISOString(),
		duration: 0,
	});
	return { storage, root, files, key, backup: { key, id: manifest.id }, report, seconds };
}

describe('the verifications of a backup', () => {
	it('stand beside its manifest, the newest first, the newest fifty', async () => {
		const { storage, key, backup, files, report, seconds } = await sample();
		expect(await readVerification(storage, backup)).toEqual({ history: [], latest: undefined });
		for (let at = 0; at < 55; at++) await recordVerification(storage, seconds(at, 'passed'));
		await recordVerification(storage, report);
		const { history, latest } = await readVerification(storage, backup);
		expect(history).toHaveLength(50);
		expect(latest).toMatchObject({
			verdict: 'passed',
			reached: 'integrity',
			findings: [],
			version: expect.stringMatching(/^\d/) as string,
		});
		expect(history.map(({ at }) => at)).toEqual(history.map(({ at }) => at).sort((a, b) => (a < b ? 1 : -1)));
		expect(files()).toContain(`${key}.verification.json`);
	});

	it('are read and written in the words of older versions, which share the record', async () => {
		const { storage, root, key, backup, seconds } = await sample();
		const finding = { severity: 'inconclusive' as const, level: 'integrity' as const, message: 'There is no key.' };
		await recordVerification(storage, { ...seconds(1, 'incomplete'), findings: [finding] });
		const record = path.join(root, `${key}.verification.json`);
		const stored = readFileSync(record, 'utf8');
		expect(JSON.parse(stored)).toMatchObject({
			formatVersion: 1,
			history: [{ findings: [{ severity: 'obstacle' }] }],
		});
		for (const text of [stored, stored.replace('"obstacle"', '"inconclusive"')]) {
			writeFileSync(record, text);
			const { latest } = await readVerification(storage, backup);
			expect(latest).toMatchObject({ verdict: 'incomplete', findings: [finding] });
		}
	});

	it('tell passed or failed by the newest that came to a verdict', async () => {
		const { storage, backup, seconds } = await sample();
		const state = () => verificationState(storage, backup);
		expect(await state()).toBeUndefined();
		await recordVerification(storage, seconds(1, 'incomplete'));
		expect(await state()).toBeUndefined();
		await recordVerification(storage, seconds(2, 'passed'));
		await recordVerification(storage, seconds(3, 'incomplete'));
		expect(await state()).toBe('passed');
		await recordVerification(storage, seconds(4, 'failed'));
		expect(await state()).toBe('failed');
		await recordVerification(storage, seconds(5, 'passed'));
		expect(await state()).toBe('passed');
	});

	it('go on to tell failed until one that goes as deep has passed', async () => {
		const { storage, backup, seconds } = await sample();
		const state = () => verificationState(storage, backup);
		await recordVerification(storage, seconds(1, 'passed', 'restore'));
		await recordVerification(storage, seconds(2, 'failed', 'restore', 'content'));
		await recordVerification(storage, seconds(3, 'failed', 'content', 'integrity'));
		await recordVerification(storage, seconds(4, 'passed', 'integrity'));
		expect(await state()).toBe('failed');
		await recordVerification(storage, seconds(5, 'passed', 'content'));
		expect(await state()).toBe('failed');
		await recordVerification(storage, seconds(6, 'incomplete', 'restore', 'content'));
		expect(await state()).toBe('failed');
		for (let at = 0; at < 60; at++) await recordVerification(storage, seconds(7 + at, 'passed', 'content'));
		const { history } = await readVerification(storage, backup);
		expect(history).toHaveLength(50);
		expect(await state()).toBe('failed');
		await recordVerification(storage, seconds(100, 'passed', 'restore'));
		expect(await state()).toBe('passed');
	});

	it('go by the order in which they ended, not by clocks that differ', async () => {
		const { storage, backup, seconds } = await sample();
		await recordVerification(storage, seconds(600, 'passed'));
		await recordVerification(storage, seconds(5, 'failed'));
		expect(await verificationState(storage, backup)).toBe('failed');
		expect((await readVerification(storage, backup)).latest).toMatchObject({ verdict: 'failed' });
	});

	it('are none where they are those of another backup under the same name', async () => {
		const { storage, root, files, key, backup, seconds } = await sample();
		await recordVerification(storage, seconds(1, 'passed', 'restore'));
		const record = readFileSync(path.join(root, `${key}.verification.json`));
		for (const file of files()) rmSync(path.join(root, file));
		const other = await writeSample(storage, { startedAt: new Date(Date.UTC(2026, 0, 1)) });
		const found = { key: other.key, id: other.manifest.id };
		writeFileSync(path.join(root, `${other.key}.verification.json`), record);
		expect(await readVerification(storage, found)).toEqual({ history: [], latest: undefined });
		expect(await verificationState(storage, found)).toBeUndefined();
		const { backups } = await chooseBackups(storage, {
			notVerifiedFor: { days: 7, level: 'integrity' },
			now: new Date(Date.UTC(2026, 0, 2)),
		});
		expect(backups).toHaveLength(1);
		const report = await verifyBackup({ storage, key: other.key, level: 'integrity' });
		await recordVerification(storage, report);
		expect((await readVerification(storage, found)).history).toHaveLength(1);
		expect(await verificationState(storage, { key: other.key, id: backup.id })).toBeUndefined();
	});

	it('are set aside where their file is damaged', async () => {
		const { storage, root, key, backup, files, seconds } = await sample();
		const file = path.join(root, `${key}.verification.json`);
		for (const text of ['', '{', '{"formatVersion": 9, "history": []}', '{"formatVersion": 1, "history": [{}]}']) {
			writeFileSync(file, text);
			expect(await verificationState(storage, backup)).toBeUndefined();
			await recordVerification(storage, seconds(1, 'passed'));
			expect((await readVerification(storage, backup)).history).toHaveLength(1);
			expect(files()).toContain(`${key}.verification.json.damaged`);
		}
	});

	it('are all there whoever writes at once, in this process', async () => {
		const { storage, files, key, backup, seconds } = await sample();
		await Promise.all(Array.from({ length: 8 }, (_, at) => recordVerification(storage, seconds(at, 'passed'))));
		expect((await readVerification(storage, backup)).history).toHaveLength(8);
		expect(files()).not.toContain(`${key}.verification.json.lock`);
	});

	it('are all there whoever writes at once, in processes of their own', async () => {
		const { storage, root, files, key, backup } = await sample();
		const script = path.join(__dirname, 'record-verifications.ts');
		const hooks = path.join(__dirname, '../../../scripts/typescript-hooks.mjs');
		const record = promisify(execFile);
		await Promise.all(
			[1, 2, 3].map((second) => record(process.execPath, ['--import', hooks, script, root, key, String(second)])),
		);
		const times = (await readVerification(storage, backup)).history.map(({ duration }) => duration);
		expect(times.sort()).toEqual([1, 2, 3].flatMap((process) => [0, 1, 2, 3, 4].map((at) => process * 1000 + at)));
		expect(files()).not.toContain(`${key}.verification.json.lock`);
	});

	it('are written where a killed process has left its turn, or nobody can have one', async () => {
		const { storage, root, files, key, backup, seconds } = await sample();
		await storage.write(`${key}.verification.json.lock`, Readable.from([Buffer.from('1')]));
		await recordVerification(storage, seconds(1, 'passed'));
		expect(files()).not.toContain(`${key}.verification.json.lock`);
		const write = () => Promise.reject(new BackupError('STORAGE_DENIED', 'Only replacing is allowed.'));
		const refusing = Object.assign(new FolderStorage({ root }), { write });
		await recordVerification(refusing, seconds(2, 'passed'));
		expect((await readVerification(storage, backup)).history).toHaveLength(2);
	});

	it('are not written of a backup that is no longer there', async () => {
		const { storage, key, files, seconds } = await sample();
		await storage.remove(`${key}.manifest.json`);
		expect(await recordVerification(storage, seconds(1, 'passed'))).toBeUndefined();
		expect(files()).toEqual([key, expect.stringContaining('latest')]);
	});
});

describe('the backups to verify', () => {
	it('are one by its reference, or all of some kinds, names and folders, newest first', async () => {
		const { storage } = temporaryStorage();
		const at = (day: number) => new Date(Date.UTC(2026, 0, day));
		const old = await writeSample(storage, { startedAt: at(1) });
		const other = await writeSample(storage, { startedAt: at(2), name: 'blog', folder: 'elsewhere' });
		const now = await writeSample(storage, { startedAt: at(3) });
		const keys = async (choice: Parameters<typeof chooseBackups>[1]) =>
			(await chooseBackups(storage, choice)).backups.map(({ key }) => key);
		expect(await keys({})).toEqual([now.key, other.key, old.key]);
		expect(await keys({ names: ['shop'] })).toEqual([now.key, old.key]);
		expect(await keys({ prefix: 'elsewhere/' })).toEqual([other.key]);
		expect(await keys({ kinds: ['qdrant'] })).toEqual([]);
		expect(await keys({ reference: { latest: 'shop' } })).toEqual([now.key]);
		expect(await keys({ reference: { id: old.manifest.id } })).toEqual([old.key]);
		await expect(keys({ reference: { file: 'postgres/none' } })).rejects.toMatchObject({ code: 'STORAGE_MISSING' });
	});

	it('are those that were not verified lately, as deep as that', async () => {
		const { storage, key, seconds } = await sample();
		const isDue = async (days: number, level: VerificationLevel) =>
			(await chooseBackups(storage, { notVerifiedFor: { days, level }, now: new Date(Date.UTC(2026, 0, 4)) })).backups
				.map((entry) => entry.key)
				.includes(key);
		expect(await isDue(7, 'integrity')).toBe(true);
		await recordVerification(storage, seconds(0, 'incomplete', 'content'));
		expect(await isDue(7, 'integrity')).toBe(true);
		await recordVerification(storage, seconds(1, 'passed', 'content'));
		expect(await isDue(7, 'integrity')).toBe(false);
		expect(await isDue(7, 'content')).toBe(false);
		expect(await isDue(7, 'restore')).toBe(true);
		expect(await isDue(1, 'content')).toBe(true);
	});

	it('are those as well that were only verified by a clock that was far ahead', async () => {
		const { storage, seconds } = await sample();
		await recordVerification(storage, seconds(40 * 365 * 86_400, 'passed'));
		const choice = { notVerifiedFor: { days: 7, level: 'integrity' as const }, now: new Date(Date.UTC(2026, 0, 4)) };
		expect((await chooseBackups(storage, choice)).backups).toHaveLength(1);
	});

	it('come with the manifests that cannot be read', async () => {
		const { storage, root, key } = await sample();
		writeFileSync(path.join(root, `${key}.manifest.json`), '{');
		const { backups, damaged } = await chooseBackups(storage);
		expect(backups).toEqual([]);
		expect(damaged).toMatchObject([{ manifestKey: `${key}.manifest.json` }]);
	});
});

import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import {
	chooseBackups,
	readVerification,
	recordVerification,
	type Verdict,
	type VerificationLevel,
	type VerificationReport,
	verificationState,
	verifyBackup,
} from '../../../engine/verify';
import { temporaryStorage, writeSample } from '../archive/support';

async function sample() {
	const { storage, root, files } = temporaryStorage();
	const { key } = await writeSample(storage);
	const report = await verifyBackup({ storage, key, level: 'integrity' });
	const seconds = (at: number, verdict: Verdict, requested: VerificationLevel = 'integrity'): VerificationReport => ({
		...report,
		verdict,
		requested,
		reached: verdict === 'passed' ? requested : undefined,
		startedAt: new Date(Date.UTC(2026, 0, 1) + at * 1000).toISOString(),
		duration: 0,
	});
	return { storage, root, files, key, report, seconds };
}

describe('the verifications of a backup', () => {
	it('stand beside its manifest, the newest first, the newest fifty', async () => {
		const { storage, key, files, report, seconds } = await sample();
		expect(await readVerification(storage, key)).toEqual({ history: [], latest: undefined });
		for (let at = 0; at < 55; at++) await recordVerification(storage, seconds(at, 'passed'));
		await recordVerification(storage, report);
		const { history, latest } = await readVerification(storage, key);
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

	it('tell passed or failed by the newest that came to a verdict', async () => {
		const { storage, key, seconds } = await sample();
		const state = () => verificationState(storage, key);
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

	it('are set aside where their file is damaged', async () => {
		const { storage, root, key, files, seconds } = await sample();
		const file = path.join(root, `${key}.verification.json`);
		for (const text of ['', '{', '{"formatVersion": 9, "history": []}', '{"formatVersion": 1, "history": [{}]}']) {
			writeFileSync(file, text);
			expect(await verificationState(storage, key)).toBeUndefined();
			await recordVerification(storage, seconds(1, 'passed'));
			expect((await readVerification(storage, key)).history).toHaveLength(1);
			expect(files()).toContain(`${key}.verification.json.damaged`);
		}
	});

	it('are a whole file whoever writes at once, with at least one of their entries', async () => {
		const { storage, key, seconds } = await sample();
		await Promise.all(Array.from({ length: 8 }, (_, at) => recordVerification(storage, seconds(at, 'passed'))));
		expect((await readVerification(storage, key)).history.length).toBeGreaterThanOrEqual(1);
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

	it('come with the manifests that cannot be read', async () => {
		const { storage, root, key } = await sample();
		writeFileSync(path.join(root, `${key}.manifest.json`), '{');
		const { backups, damaged } = await chooseBackups(storage);
		expect(backups).toEqual([]);
		expect(damaged).toMatchObject([{ manifestKey: `${key}.manifest.json` }]);
	});
});

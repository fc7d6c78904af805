import { mkdtemp, rm, writeFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { checkAlerts, FolderStorage, type Problem } from '../../../engine';

const START = Date.UTC(2026, 10, 30, 2);
const problem = (id: string, severity: Problem['severity'] = 'warning'): Problem => ({
	id,
	kind: 'stale',
	severity,
	subject: id,
	message: `${id} is old.`,
	hint: 'Back up.',
});

describe('alerts', () => {
	let root: string;
	let storage: FolderStorage;
	beforeEach(async () => {
		root = await mkdtemp(join(tmpdir(), 'alerts-'));
		storage = new FolderStorage({ root });
	});
	afterEach(async () => await rm(root, { recursive: true }));

	async function check(hour: number, problems: Problem[], more: { name?: string; reminderHours?: number } = {}) {
		const now = new Date(START + hour * 3_600_000);
		const found = await checkAlerts(storage, problems, { name: 'on call', reminderHours: 24, now, ...more });
		const ids = (told: { problem: Problem }[]) => told.map((one) => one.problem.id);
		const { fresh, reminders, cleared, isToTell } = found;
		return { fresh: ids(fresh), reminders: ids(reminders), cleared: cleared.map(({ id }) => id), isToTell };
	}
	const nothing = { fresh: [], reminders: [], cleared: [], isToTell: false };

	it('tell a problem once, remind of it, and say when it is over', async () => {
		expect(await check(0, [])).toEqual(nothing);
		expect(await readdir(root)).toEqual([]);
		expect(await check(1, [problem('a')])).toEqual({ ...nothing, fresh: ['a'], isToTell: true });
		expect(await check(2, [problem('a')])).toEqual(nothing);
		expect(await check(24, [problem('a'), problem('b')])).toEqual({ ...nothing, fresh: ['b'], isToTell: true });
		expect(await check(25, [problem('a'), problem('b')])).toEqual({ ...nothing, reminders: ['a'], isToTell: true });
		expect(await check(26, [problem('b')])).toEqual({ ...nothing, cleared: ['a'], isToTell: true });
		expect(await check(27, [problem('b')])).toEqual(nothing);
		// What comes again is new.
		expect(await check(28, [problem('a'), problem('b')])).toEqual({ ...nothing, fresh: ['a'], isToTell: true });
	});

	it('tell at once what has grown worse, and not what has grown less bad', async () => {
		await check(0, [problem('a')]);
		expect(await check(1, [problem('a', 'critical')])).toEqual({ ...nothing, fresh: ['a'], isToTell: true });
		expect(await check(2, [problem('a')])).toEqual(nothing);
	});

	it('never remind where nobody wants to be reminded', async () => {
		await check(0, [problem('a')], { reminderHours: 0 });
		expect(await check(9999, [problem('a')], { reminderHours: 0 })).toEqual(nothing);
	});

	it('have a memory for each name', async () => {
		await check(0, [problem('a')]);
		expect(await check(1, [problem('a')], { name: '../other' })).toMatchObject({ fresh: ['a'] });
		expect(await check(2, [problem('a')], { name: '../other' })).toEqual(nothing);
		expect(await readdir(root)).toEqual(['.stack-backup']);
	});

	it('tell all once more where what was noted is damaged, forged or from a clock that was ahead', async () => {
		await check(0, [problem('a')]);
		const [file = ''] = await readdir(join(root, '.stack-backup', 'alerts'));
		for (const text of ['{', '[]', '{"formatVersion":1,"open":[{"id":1}]}']) {
			await writeFile(join(root, '.stack-backup', 'alerts', file), text);
			expect(await check(1, [problem('a')])).toMatchObject({ fresh: ['a'] });
		}
		await check(1000, [problem('a')]);
		expect(await check(2, [problem('a')])).toMatchObject({ reminders: ['a'] });
	});
});

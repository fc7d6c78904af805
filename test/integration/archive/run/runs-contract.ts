import { setImmediate } from 'node:timers/promises';

import { expect, it } from 'vitest';

import { asBackUp, createArchive, Meter, readRunning, type RunControl, whileBeating } from '../../../../engine/archive';
import { BackupError } from '../../../../engine/errors';
import type { Storage } from '../../../../engine/storage';
import { DrivenClock } from '../../../unit/storage/driven-clock';
import { intercepted, textOf } from '../../retention/support';
import { all } from '../../storage/content';

const SHOP = { kind: 'postgres', name: 'shop', origin: 'db:5432', isWhole: true } as const;
const DETAILS = { source: { system: 'test', version: '1' }, counts: {} };

const runBy = (workflow: string, more: Partial<RunControl> = {}): RunControl => ({
	workflow,
	execution: '17',
	...more,
});
const keysIn = async (storage: Storage, prefix: string) =>
	(await all(storage.list(prefix))).map(({ key }) => key).sort();
const beatsIn = async (storage: Storage) => await keysIn(storage, '.stack-backup/running/');

/** A back up that goes on until it is told to end. */
function goingOn(storage: Storage, run: RunControl, signal?: AbortSignal) {
	let begun = () => {};
	let end = () => {};
	let fail = () => {};
	const hasBegun = new Promise<void>((resolve) => (begun = resolve));
	const hasEnded = new Promise<void>((resolve, reject) => {
		end = resolve;
		fail = () => reject(new BackupError('SOURCE_FAILED', 'the source broke'));
	});
	hasEnded.catch(() => {});
	const done = asBackUp({ storage, folder: 'postgres', run, signal }, SHOP, async (alone) => {
		begun();
		await Promise.race([
			hasEnded,
			new Promise((_, reject) =>
				alone.signal?.addEventListener('abort', () => reject(new BackupError('CANCELLED', 'cancelled'))),
			),
		]);
	});
	done.catch(() => {});
	return { hasBegun, end: () => end(), fail: () => fail(), done };
}

/** One that writes an archive. */
async function wholeRun(
	storage: Storage,
	run: RunControl,
	beforeCommit: () => Promise<unknown> = () => Promise.resolve(),
) {
	return await asBackUp({ storage, folder: 'postgres', run }, SHOP, async (alone) => {
		const writer = await createArchive({
			...alone,
			folder: 'postgres',
			name: 'shop',
			extension: 'sql',
			kind: 'postgres',
			codec: { name: 'none' },
		});
		await writer.frame({ type: 'data' }, Buffer.alloc(5000));
		await beforeCommit();
		return await writer.commit(DETAILS);
	});
}

/** As if the lock that is held had not been renewed for long, by a run of another machine. */
async function endLock(storage: Storage): Promise<void> {
	for (const key of await keysIn(storage, '.stack-backup/series/')) {
		const { holder: _, ...record } = JSON.parse(await textOf(storage, key)) as Record<string, unknown>;
		await storage.replace(key, Buffer.from(JSON.stringify({ ...record, expiresAt: '2020-01-01T00:00:00.000Z' })));
	}
}

/** What runs promise each other on every storage. */
export function runsContract(newStorage: () => Promise<Storage>): void {
	it('refuses a second back up of a series, and says who is at it; one of another series runs', async () => {
		const storage = await newStorage();
		const first = goingOn(storage, runBy('Nightly'));
		await first.hasBegun;
		const second = wholeRun(storage, runBy('By hand', { ifRunning: 'refuse' }));
		await expect(second).rejects.toMatchObject({
			code: 'STORAGE_LOCKED',
			message: expect.stringMatching(
				/^A back up of postgres shop is running already: by the workflow "Nightly", execution 17 \(process \d+ on .+\), since \d{4}-/,
			) as string,
			details: { owner: 'the workflow "Nightly", execution 17' },
		});
		const choices = { storage, folder: 'postgres', run: runBy('Other', { ifRunning: 'refuse' }) };
		for (const other of [{ name: 'shop2' }, { origin: 'db2:5432' }, { kind: 'qdrant' as const }]) {
			expect(await asBackUp(choices, { ...SHOP, ...other }, () => Promise.resolve('ran'))).toBe('ran');
		}
		expect(await asBackUp({ ...choices, folder: 'elsewhere' }, SHOP, () => Promise.resolve('ran'))).toBe('ran');
		first.end();
		await first.done;
		expect((await wholeRun(storage, runBy('By hand', { ifRunning: 'refuse' }))).name).toBe('shop');
	});

	it('waits for the other one, and no longer than it may', async () => {
		const storage = await newStorage();
		const first = goingOn(storage, runBy('Nightly'));
		await first.hasBegun;
		const clock = new DrivenClock();
		const notices: string[] = [];
		const notice = (sentence: string) => void notices.push(sentence);
		const second = goingOn(storage, runBy('By hand', { clock, waitMs: 120_000, notice }));
		await clock.nextWait();
		expect(notices).toEqual([
			expect.stringMatching(/by the workflow "Nightly".* Waiting for it, 2 minutes at most\.$/) as string,
		]);
		await clock.advance(1000);
		await clock.nextWait();
		first.end();
		await first.done;
		await clock.advance(2000);
		await second.hasBegun;
		expect(notices).toHaveLength(1);

		const impatient = goingOn(storage, runBy('Third', { clock, waitMs: 3000 }));
		const isOver = impatient.done.then(
			() => {},
			(error: unknown) => error,
		);
		for (const pause of [1000, 2000]) {
			await clock.nextWait(2);
			await clock.advance(pause);
		}
		expect(await isOver).toMatchObject({
			code: 'STORAGE_LOCKED',
			message: expect.stringContaining('"By hand"') as string,
		});

		const cancel = new AbortController();
		const cancelled = goingOn(storage, runBy('Fourth', { clock, waitMs: 3_600_000 }), cancel.signal);
		await clock.nextWait(2);
		cancel.abort();
		await expect(cancelled.done).rejects.toMatchObject({ code: 'CANCELLED' });
		second.end();
		await second.done;
	});

	it('runs beside the other one where that is asked for, and says so', async () => {
		const storage = await newStorage();
		const first = goingOn(storage, runBy('Nightly'));
		await first.hasBegun;
		const notices: string[] = [];
		const run = runBy('By hand', { ifRunning: 'runAnyway', notice: (sentence) => void notices.push(sentence) });
		await wholeRun(storage, run);
		expect(notices).toEqual([expect.stringMatching(/"Nightly".* Running beside it/) as string]);
		// It has taken nothing from the first one.
		await expect(wholeRun(storage, runBy('Third', { ifRunning: 'refuse' }))).rejects.toThrow(/"Nightly"/);
		first.end();
		await first.done;
	});

	it('commits nothing where another run has taken over', async () => {
		const storage = await newStorage();
		const slow = wholeRun(storage, runBy('Slow'), async () => {
			await endLock(storage);
			await wholeRun(storage, runBy('Next', { ifRunning: 'refuse' }));
		});
		await expect(slow).rejects.toMatchObject({
			code: 'STORAGE_LOCKED',
			message: expect.stringMatching(/taken over/) as string,
		});
		expect((await keysIn(storage, 'postgres/')).filter((key) => key.endsWith('.manifest.json'))).toHaveLength(1);
		expect((await keysIn(storage, 'postgres/')).filter((key) => key.endsWith('.sql'))).toHaveLength(1);
	});

	it('shows itself after some seconds, with what it has moved, and leaves nothing behind', async () => {
		const storage = await newStorage();
		await wholeRun(storage, runBy('Earlier'));
		expect(await beatsIn(storage)).toEqual([]);
		const clock = new DrivenClock();
		const lines: string[] = [];
		const run = runBy('Nightly', { clock, onBeat: ({ bytes }) => void lines.push(`${bytes}`) });
		await wholeRun(storage, run, async () => {
			// The frame has gone through, whatever else the storage does with it.
			await setImmediate();
			await clock.nextWait();
			await clock.advance(9999);
			expect(await beatsIn(storage)).toEqual([]);
			await clock.advance(1);
			await clock.nextWait();
			const [first] = await readRunning(storage);
			expect(first).toMatchObject({
				action: 'backUp',
				kind: 'postgres',
				name: 'shop',
				workflow: 'Nightly',
				execution: '17',
				isDead: false,
				totalBytes: 5000,
			});
			await clock.advance(30_000);
			await clock.nextWait();
			expect(lines).toHaveLength(2);
			const [second, ...others] = await readRunning(storage);
			expect(second?.id).toBe(first?.id);
			expect(others).toEqual([]);
			const later = new Date(Date.now() + 6 * 60_000);
			expect((await readRunning(storage, { now: later }))[0]).toMatchObject({ isDead: true });
		});
		expect(await beatsIn(storage)).toEqual([]);
	});

	it('shows a run that somebody waits for at once, with what becomes known of it on the way', async () => {
		const storage = await newStorage();
		const clock = new DrivenClock();
		const about = { action: 'restore' as const, kind: 'postgres', name: '', workflow: 'Restore', execution: '17' };
		let total: number | undefined;
		const totals = () => Promise.resolve(total);
		const options = { storage, meter: new Meter(), about, total: totals, isAwaited: true, clock };
		await whileBeating(options, async () => {
			await clock.nextWait();
			expect(await readRunning(storage)).toMatchObject([{ name: '', bytes: 0 }]);
			Object.assign(about, { name: 'shop' });
			total = 5000;
			await clock.advance(10_000);
			await clock.nextWait();
			expect(await readRunning(storage)).toMatchObject([{ name: 'shop', totalBytes: 5000 }]);
		});
		expect(await beatsIn(storage)).toEqual([]);
	});

	it('removes a sign that is still on its way when the run ends', async () => {
		const storage = await newStorage();
		let arrive = () => {};
		const onItsWay = new Promise<void>((resolve) => (arrive = resolve));
		const slow = intercepted(storage, {
			replace: async (key, content) => {
				await onItsWay;
				await storage.replace(key, content);
			},
		});
		const about = { action: 'restore' as const, kind: 'postgres', name: 'shop', workflow: 'Restore', execution: '17' };
		const total = () => Promise.resolve(undefined);
		const options = { storage: slow, meter: new Meter(), about, total, isAwaited: true, clock: new DrivenClock() };
		const ended = whileBeating(options, () => Promise.resolve('done'));
		await setImmediate();
		arrive();
		expect(await ended).toBe('done');
		expect(await beatsIn(storage)).toEqual([]);
	});

	it('leaves neither sign of life nor lock when it fails or is cancelled', async () => {
		const storage = await newStorage();
		for (const ending of ['failure', 'cancel'] as const) {
			const clock = new DrivenClock();
			const cancel = new AbortController();
			const run = goingOn(storage, runBy('Nightly', { clock, ifRunning: 'refuse' }), cancel.signal);
			await run.hasBegun;
			await clock.nextWait();
			await clock.advance(10_000);
			await clock.nextWait();
			expect(await beatsIn(storage)).toHaveLength(1);
			if (ending === 'cancel') cancel.abort();
			else run.fail();
			await expect(run.done).rejects.toMatchObject({ code: ending === 'cancel' ? 'CANCELLED' : 'SOURCE_FAILED' });
			expect(await beatsIn(storage)).toEqual([]);
			expect(clock.waiting).toBe(0);
		}
	});

	it('makes its backup where nothing of that can be noted, and says so', async () => {
		const storage = await newStorage();
		const denied = (key: string) => {
			if (key.startsWith('.stack-backup/')) throw new BackupError('STORAGE_DENIED', 'no access');
		};
		const closed = intercepted(storage, {
			write: async (key, ...rest) => (denied(key), await storage.write(key, ...rest)),
			replace: async (key, ...rest) => (denied(key), await storage.replace(key, ...rest)),
		});
		const notices: string[] = [];
		const clock = new DrivenClock();
		const run = runBy('Nightly', { clock, notice: (sentence) => void notices.push(sentence) });
		const manifest = await wholeRun(closed, run, async () => {
			await clock.nextWait();
			await clock.advance(10_000);
			await clock.nextWait();
		});
		expect(manifest.name).toBe('shop');
		expect(notices).toEqual([expect.stringMatching(/could not be noted in the storage: no access/) as string]);
		expect(await keysIn(storage, '.stack-backup/')).toEqual([]);
	});
}

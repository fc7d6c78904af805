/**
 * Where in the log a moment lies. The manifests tell which stretch it is in, as far as they can; that one is read, and no more, so the
 * answer is exact to the record, and the same that the server comes to (recoveryStopsBefore and recoveryStopsAfter in xlogrecovery.c).
 */
import type { ArchiveReader } from '../../../archive';
import { throwIfCancelled } from '../../../errors';
import type { StretchFacts, Window } from '../coverage';
import type { Lsn } from '../lsn';
import type { WalEvent } from '../wal';
import { LogCheck, readStretch } from './log';
import { parseTime, type RecoveryAction, type RecoveryTarget } from './target';

/** Where a recovery ends. */
export interface Place {
	/** What the server is told. */
	target: RecoveryTarget;
	/** The base backup must end before or at this place. */
	baseBefore: Lsn;
	/** The server needs the log up to here. */
	toLsn: Lsn;
	/** When the last transaction before the place ended, in microseconds since 1970, as far as what was read tells. */
	lastTransaction: number | undefined;
}

/** `early` and `late`: the moment lies outside of the window; `unknown`: what is looked for by its name or number is not in it. */
export type Located = Place | 'early' | 'late' | 'unknown';

export interface LocateOptions {
	systemIdentifier: string;
	window: Window;
	/** Of the window, in order (route.ts). */
	log: readonly StretchFacts[];
	open: (stretch: StretchFacts) => Promise<ArchiveReader>;
	action: RecoveryAction;
	signal?: AbortSignal | undefined;
}

/** @throws BackupError ARCHIVE_CORRUPT, what reading throws */
export async function locate(target: RecoveryTarget, options: LocateOptions): Promise<Located> {
	switch (target.type) {
		case 'time':
			return await locateTime(target, options);
		case 'lsn':
			return await locateLsn(target, options);
		case 'transaction': {
			const { transaction, inclusive } = target;
			return await locateEvent(
				options,
				inclusive,
				(event) => event.type !== 'restorePoint' && event.transaction === transaction,
			);
		}
		case 'restorePoint':
			return await locateEvent(options, true, ({ type, name }) => type === 'restorePoint' && name === target.name);
		case 'immediate':
			return { target, baseBefore: options.window.endLsn, toLsn: 0n, lastTransaction: undefined };
		case 'end':
			return await endOf(options);
	}
}

/** The first transaction that ended after the time is where the server stops. */
async function locateTime(target: RecoveryTarget & { type: 'time' }, options: LocateOptions): Promise<Located> {
	const { window, log } = options;
	if (target.time < parseTime(window.startTime)) return 'early';
	const isAfter = (time: number) => (target.inclusive ? time > target.time : time >= target.time);
	let lastTransaction: number | undefined;
	for (const stretch of log) {
		// Of one that is cut where its timeline was left, nobody has noted the last time.
		const mayHold =
			stretch.firstTime !== undefined && (stretch.lastTime === undefined || isAfter(parseTime(stretch.lastTime)));
		if (!mayHold) {
			if (stretch.lastTime !== undefined) lastTransaction = parseTime(stretch.lastTime);
			continue;
		}
		let found: WalEvent | undefined;
		await scan(stretch, options, (event) => {
			if (found || event.type === 'restorePoint' || event.startLsn >= stretch.endLsn) return;
			if (event.startLsn >= window.startLsn && isAfter(event.time)) found = event;
			else lastTransaction = event.time;
		});
		if (found) return { target, baseBefore: found.startLsn, toLsn: found.endLsn, lastTransaction };
	}
	// Nothing ended after it: all of the log is before it, as long as that reaches so far.
	if (window.endTime === undefined || target.time > parseTime(window.endTime)) return 'late';
	return await endOf(options);
}

/** The server stops where a record begins at or behind the place. */
async function locateLsn(target: RecoveryTarget & { type: 'lsn' }, options: LocateOptions): Promise<Located> {
	const { window, log } = options;
	const { lsn } = target;
	if (lsn < window.startLsn) return 'early';
	if (lsn > window.endLsn) return 'late';
	let lastTransaction: number | undefined;
	let end = window.startLsn;
	for (const stretch of log.filter(({ endLsn }) => endLsn >= lsn)) {
		const last = await scan(stretch, options, ({ type, time, startLsn }) => {
			if (type !== 'restorePoint' && startLsn < lsn) lastTransaction = time;
		});
		if (!last) continue;
		end = last.endLsn;
		if (last.lsn >= lsn) return { target, baseBefore: lsn, toLsn: stretch.endLsn, lastTransaction };
	}
	// No record begins there, yet all that end before it are in the log.
	return lsn <= end ? await endOf(options) : 'late';
}

/** Looks for the latest event of a sort; the newest stretches first, for people look for what was just now. */
async function locateEvent(
	options: LocateOptions,
	inclusive: boolean,
	matches: (event: WalEvent) => boolean,
): Promise<Located> {
	for (const stretch of options.log.toReversed()) {
		let found: WalEvent | undefined;
		let before: number | undefined;
		let lastTransaction: number | undefined;
		await scan(stretch, options, (event) => {
			if (event.startLsn >= stretch.endLsn) return;
			if (matches(event)) {
				found = event;
				lastTransaction = inclusive && event.type !== 'restorePoint' ? event.time : before;
			}
			if (event.type !== 'restorePoint') before = event.time;
		});
		if (!found) continue;
		if (found.startLsn < options.window.startLsn) return 'early';
		// Told by its place, for a name may be given twice, and numbers of transactions come again.
		const target = { type: 'lsn', lsn: found.startLsn, inclusive } as const;
		return { target, baseBefore: found.startLsn, toLsn: found.endLsn, lastTransaction };
	}
	return 'unknown';
}

/** All of the log. Whoever does not want the server to go on by itself names its last record, for without a target it would. */
async function endOf(options: LocateOptions): Promise<Place> {
	const { window, log, action } = options;
	const end = { baseBefore: window.endLsn, toLsn: window.endLsn };
	const lastTransaction = window.lastTransaction === undefined ? undefined : parseTime(window.lastTransaction);
	const newest = log.at(-1);
	if (action === 'promote' || !newest) return { target: { type: 'end' }, ...end, lastTransaction };
	const last = await scan(newest, options, () => {});
	if (!last) return { target: { type: 'end' }, ...end, lastTransaction };
	return { target: { type: 'lsn', lsn: last.lsn, inclusive: true }, ...end, lastTransaction };
}

/** Reads a stretch. @returns its last record */
async function scan(
	stretch: StretchFacts,
	{ systemIdentifier, open, signal }: LocateOptions,
	onEvent: (event: WalEvent) => void,
): Promise<LogCheck['last']> {
	throwIfCancelled(signal);
	const reader = await open(stretch);
	const check = new LogCheck(systemIdentifier, onEvent);
	await readStretch(
		reader,
		stretch,
		{
			history: async (_, content) => await drain(content),
			segment: async (_, startLsn, content) => {
				await drain(check.segment(reader, stretch.timeline, startLsn, content));
			},
		},
		signal,
	);
	return check.last;
}

async function drain(content: AsyncIterable<Uint8Array>): Promise<void> {
	for await (const chunk of content) void chunk;
}

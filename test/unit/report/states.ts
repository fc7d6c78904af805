import { randomUUID } from 'node:crypto';

import type { HeldBackup, SeriesState, StorageState } from '../../../engine';

export const NOW = '2026-11-30T12:00:00.000Z';
const HOUR_MS = 3_600_000;

/** The time so many hours before NOW. */
export function hoursAgo(hours: number): string {
	return new Date(Date.parse(NOW) - hours * HOUR_MS).toISOString();
}

export interface MadeBackup {
	hours: number;
	stored?: number;
	seconds?: number;
	more?: Partial<HeldBackup>;
	facts?: Partial<HeldBackup['facts']>;
}

/** A good backup of so many hours ago. */
export function held({ hours, stored = 1_000_000, seconds = 60, more = {}, facts = {} }: MadeBackup): HeldBackup {
	const startedAt = hoursAgo(hours);
	return {
		facts: {
			id: randomUUID(),
			kind: 'postgres',
			name: 'shop',
			startedAt,
			finishedAt: new Date(Date.parse(startedAt) + seconds * 1000).toISOString(),
			size: { raw: stored * 4, compressed: stored, stored },
			counts: { rows: 1000 },
			codec: { name: 'zstd' },
			encryption: null,
			...facts,
		},
		key: `postgres/shop_${startedAt.replace(/\D/g, '').slice(0, 14)}.sql.zst`,
		isComplete: true,
		lacksNeeded: false,
		hasRecord: false,
		verification: undefined,
		restored: undefined,
		...more,
	};
}

/** What a verification of so many hours ago found. */
export function verified(hours: number, verdict: 'passed' | 'failed' = 'passed', duration = 5000): Partial<HeldBackup> {
	const facts = { verdict, reached: 'restore' as const, at: hoursAgo(hours), duration };
	return { verification: facts, ...(verdict === 'passed' && { restored: facts }) };
}

/** A series of these backups, the newest first. */
export function series(backups: readonly MadeBackup[], more: Partial<SeriesState> = {}): SeriesState {
	const newest = backups.map(held);
	const isGood = (backup: HeldBackup) =>
		backup.isComplete && !backup.lacksNeeded && backup.verification?.verdict !== 'failed';
	return {
		id: JSON.stringify([more.kind ?? 'postgres', more.name ?? 'shop', more.origin]),
		kind: 'postgres',
		name: 'shop',
		origin: undefined,
		folder: 'postgres',
		backups: newest.length,
		weeklyCopies: 0,
		storedBytes: newest.reduce((sum, { facts }) => sum + facts.size.stored, 0),
		newest,
		lastGood: newest.find(isGood),
		lastVerified: newest.find((backup) => isGood(backup) && backup.verification?.verdict === 'passed'),
		lastRestored: newest.find((backup) => isGood(backup) && backup.restored),
		...more,
	};
}

/** A storage with these series. */
export function stateOf(all: readonly SeriesState[], more: Partial<StorageState> = {}): StorageState {
	return {
		at: NOW,
		storage: 'folder backups',
		freeBytes: 60e9,
		totalBytes: 100e9,
		series: [...all],
		storedBytes: all.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
		unread: [],
		unreadCount: 0,
		...more,
	};
}

import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { beatText, progressLog } from '../../../../nodes/shared/progress';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('tells every half minute how far it is, how fast and for how long, however often it is called', () => {
	const lines: string[] = [];
	const progress = progressLog((line) => lines.push(line));
	for (let second = 1; second <= 75; second++) {
		vi.advanceTimersByTime(1000);
		progress('backing up docs', second * 1_000_000, 120_000_000);
		progress('backing up docs', second * 1_000_000, 120_000_000);
	}
	expect(lines).toEqual([
		'backing up docs: 30.0 MB of 120.0 MB (25 %), 1.0 MB/s, 90 s left',
		'backing up docs: 60.0 MB of 120.0 MB (50 %), 1.0 MB/s, 60 s left',
	]);
});

it('begins anew where the next of several has less', () => {
	const lines: string[] = [];
	const progress = progressLog((line) => lines.push(line));
	vi.advanceTimersByTime(30_000);
	progress('reading a', 60_000_000);
	vi.advanceTimersByTime(30_000);
	progress('reading b', 30_000_000);
	expect(lines).toEqual(['reading a: 60.0 MB, 2.0 MB/s', 'reading b: 30.0 MB, 1.0 MB/s']);
});

it('tells of a run in one line, whatever its names hold', () => {
	const record = {
		formatVersion: 1,
		id: '00000000-0000-4000-8000-000000000000',
		action: 'backUp',
		kind: 'postgres',
		name: 'shop\nforged line',
		startedAt: '2026-01-31T02:00:00.000Z',
		bytes: 50_000_000,
		bytesPerSecond: 0,
		totalBytes: 100_000_000,
		workflow: 'Nightly',
		execution: '17',
		host: 'worker-1',
		process: 7,
	} as const;
	expect(beatText(record)).toBe('backing up postgres shop forged line: 50.0 MB of 100.0 MB (50 %), 0 B/s');
	// The backup before was smaller than this one has come to be: it tells nothing any more.
	expect(beatText({ ...record, bytes: 200_000_000 })).toBe('backing up postgres shop forged line: 200.0 MB, 0 B/s');
});

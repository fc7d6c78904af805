import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { progressLog } from '../../../../nodes/shared/progress';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('tells every ten seconds how far it is, however often it is called', () => {
	const lines: string[] = [];
	const progress = progressLog((line) => lines.push(line));
	for (let second = 1; second <= 25; second++) {
		vi.advanceTimersByTime(1000);
		progress('backing up docs', second * 1_000_000, 40_000_000);
		progress('backing up docs', second * 1_000_000, 40_000_000);
	}
	expect(lines).toEqual(['backing up docs: 10.0 MB of 40.0 MB (25 %)', 'backing up docs: 20.0 MB of 40.0 MB (50 %)']);
});

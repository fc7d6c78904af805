import { describe, expect, it } from 'vitest';

import { abandoned, scratchName, scratchTime } from '../../../engine/verify/scratchName';

const now = new Date('2026-02-10T12:00:00Z');

describe('the name of what a test restore makes', () => {
	it('is another one each time, and tells when it was made', () => {
		const name = scratchName(now);
		expect(name).toMatch(/^stack_backup_verify_20260210120000_[0-9a-f]{16}$/);
		expect(scratchName(now)).not.toBe(name);
		expect(scratchTime(name)).toEqual(now);
	});

	it('is not what only looks like it', () => {
		const name = scratchName(now);
		const others = [`${name}0`, `x${name}`, `${name}_trial`, name.toUpperCase(), name.replace('2026', '20a6')];
		const impossible = name.replace('20260210', '20261399');
		for (const other of [...others, impossible, 'stack_backup_verify_']) expect(scratchTime(other)).toBeUndefined();
	});

	it('shows which were left behind: those of more than a day ago', () => {
		const at = (hoursAgo: number) => scratchName(new Date(now.getTime() - hoursAgo * 3600_000));
		const [old, young, future] = [at(24.1), at(23.9), at(-48)] as [string, string, string];
		expect(abandoned([young, old, future, 'docs'], now)).toEqual([old]);
	});
});

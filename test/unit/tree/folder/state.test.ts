import { describe, expect, it } from 'vitest';

import { isStill, readState, stateOf } from '../../../../engine/tree/folder/state';

const MS = 1_000_000n;
const at = (milliseconds: number, nanoseconds = 1n) => BigInt(milliseconds) * MS + nanoseconds;
const file = (changed: bigint, mtimeNs = changed) => ({ mtimeNs, ctimeNs: changed, ino: 7n });
const READ = 1_700_000_000_000;

describe('the state of a file', () => {
	it('is that of the list, unless the file was too new when it was read', () => {
		for (const [changed, isMarked] of [
			[at(READ), true],
			[at(READ - 50), true],
			// The clock of the file system goes ahead of ours.
			[at(READ + 60_000), true],
			[at(READ - 200), false],
			[at(READ - 86_400_000), false],
			// Whole seconds: of a file system that has no others.
			[at(READ - 2000, 0n), true],
			[at(READ - 4000, 0n), false],
		] as const) {
			const found = file(changed);
			expect(readState(found, READ) === stateOf(found), String(changed)).toBe(!isMarked);
			expect(isStill(found, readState(found, READ))).toBe(true);
			expect(isStill(file(changed + 1n), readState(found, READ))).toBe(false);
		}
	});

	it('goes by when the file was changed, not by a time that was given to it', () => {
		const unpacked = file(at(READ - 10), at(1000, 0n));
		expect(readState(unpacked, READ)).not.toBe(stateOf(unpacked));
	});
});

import { BackupError, listed } from '../errors';
import { wholeNumber, type NumberRange } from './choices';

/** As safe swaps end the name of what was there before: `shop_before_20260131_020000`. */
export const KEPT_SUFFIX = /_before_\d{8}_\d{6}(?:_\d+)?$/;

/** The limits of how many copies safe swaps may keep. */
export const KEPT_COPIES: NumberRange = { min: 1, max: 1000 };

/** Checks the number of copies that may be kept. @throws BackupError INVALID_INPUT for what is no such number */
export function checkKeptCopies(most: number | undefined): void {
	if (most !== undefined) wholeNumber(most, 'Kept Copies', KEPT_COPIES);
}

/**
 * Each safe swap keeps what was there once more, until a person removes it. Nothing is removed to make room: the oldest copy
 * may be the only one that is as it should be.
 * @param copies those that earlier swaps of `name` have kept, newest first
 * @param most how many there may be with the one that is to come
 * @throws BackupError TARGET_EXISTS where there are as many already
 */
export function assertRoomForCopy(name: string, copies: string[], most: number): void {
	if (copies.length < most) return;
	throw new BackupError(
		'TARGET_EXISTS',
		`Earlier restores have kept ${copies.length} copies of "${name}" (${listed(copies)}), and ${most} is the limit; nothing was changed.`,
		{ hint: 'Remove those that you no longer need, or raise Kept Copies.', details: { keptCopies: copies } },
	);
}

import type { INodeProperties } from 'n8n-workflow';

import { type Fields, numberIn } from '../fields';
import { KEPT_COPIES } from '../../../engine';

/** The option of a restore by Safe Swap. */
export const keptCopiesOption: INodeProperties = {
	displayName: 'Kept Copies',
	name: 'keptCopies',
	type: 'number',
	typeOptions: { minValue: KEPT_COPIES.min, maxValue: KEPT_COPIES.max },
	default: 3,
	description:
		'How many copies of what was there safe swaps may keep in all; with so many there, nothing is changed. Any number without this option.',
};

/** What the option says; undefined where it was not added. @throws BackupError INVALID_INPUT */
export function keptCopiesIn(options: Fields): number | undefined {
	return 'keptCopies' in options ? numberIn(options, 'keptCopies', 1, 'Kept Copies', KEPT_COPIES) : undefined;
}

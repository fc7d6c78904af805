import type { Operation } from '../../shared/operation';

import { backUp } from './backUp';
import { checkSetup } from './checkSetup';
import { listBackups } from './listBackups';
import { listEntries } from './listEntries';
import { restore } from './restore';

/** The operations by the value of the Operation field. */
export const operations: Record<string, Operation> = {
	backUp,
	restore,
	checkSetup,
	listBackups,
	listEntries,
};

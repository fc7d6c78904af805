import type { Operation } from '../../shared/operation';

import { backUp } from './backUp';
import { checkSetup } from './checkSetup';
import { deleteServerSnapshots } from './deleteServerSnapshots';
import { listBackups } from './listBackups';
import { listServerSnapshots } from './listServerSnapshots';
import { restore } from './restore';

/** The operations by the value of the Operation field. */
export const operations: Record<string, Operation> = {
	backUp,
	restore,
	checkSetup,
	listBackups,
	listServerSnapshots,
	deleteServerSnapshots,
};

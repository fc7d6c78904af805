import type { Operation } from '../../shared/operation';

import { backUp } from './backUp';
import { checkSetup } from './checkSetup';
import { importDump } from './import';
import { listBackups } from './listBackups';
import { listContents } from './listContents';
import { restore } from './restore';

/** The operations by the value of the Operation field. */
export const operations: Record<string, Operation> = {
	backUp,
	restore,
	import: importDump,
	checkSetup,
	listContents,
	listBackups,
};

import type { Operation } from '../../shared/operation';
import { backUpInstance } from '../instance/backUp';
import { checkInstance } from '../instance/checkSetup';
import { restoreInstance } from '../instance/restore';

import { checkSetup } from './checkSetup';
import { compareWorkflows } from './compareWorkflows';
import { exportWorkflows } from './exportWorkflows';
import { importWorkflows } from './importWorkflows';
import { listBackups } from './listBackups';

/** The operations by the value of the Operation field: each has one of its own, whatever the resource. */
export const operations: Record<string, Operation> = {
	exportWorkflows,
	compareWorkflows,
	importWorkflows,
	checkSetup,
	backUpInstance,
	restoreInstance,
	checkInstance,
	listBackups,
};

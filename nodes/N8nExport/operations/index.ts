import type { Operation } from '../../shared/operation';
import { backUpInstance } from '../instance/backUp';
import { restoreInstance } from '../instance/restore';

import { compareWorkflows } from './compareWorkflows';
import { exportWorkflows } from './exportWorkflows';
import { importWorkflows } from './importWorkflows';
import { listBackups } from './listBackups';

/** The operations by the value of the Operation field: each has one of its own, whatever the resource. */
export const operations: Record<string, Operation> = {
	exportWorkflows,
	compareWorkflows,
	importWorkflows,
	backUpInstance,
	restoreInstance,
	listBackups,
};

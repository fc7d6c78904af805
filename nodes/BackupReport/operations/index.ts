import type { BranchingOperation, Operation } from '../../shared/operation';

import { checkAlerts } from './checkAlerts';
import { checkSetup } from './checkSetup';
import { createReport } from './createReport';
import { getMetrics } from './getMetrics';
import { getStatusPage } from './getStatusPage';
import { listRuns } from './listRuns';
import { noteRefusal } from './noteRefusal';

/** The operations with one output, by the value of the Operation field. */
export const reporting: Record<string, Operation> = {
	createReport,
	getMetrics,
	getStatusPage,
	checkSetup,
	listRuns,
	noteRefusal,
};

/** Those with the outputs Fine and Alert. */
export const alerting: Record<string, BranchingOperation> = { checkAlerts };

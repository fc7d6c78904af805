import type { JudgingOperation } from '../../shared/outcome';

import { checkTrend } from './checkTrend';
import { drill } from './drill';
import { listBackups } from './listBackups';
import { listVerifications } from './listVerifications';
import { verify } from './verify';

/** The operations by the value of the Operation field. */
export const operations: Record<string, JudgingOperation> = {
	verify,
	drill,
	checkTrend,
	listBackups,
	listVerifications,
};

import type { Operation } from '../../shared/operation';

import { pinBackup, unpinBackup } from './pinBackup';
import { dryRun, prune } from './prune';

/** The operations by the value of the Operation field. */
export const operations: Record<string, Operation> = { dryRun, prune, pinBackup, unpinBackup };

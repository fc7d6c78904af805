import type { BranchingOperation, Operation } from '../../shared/operation';

import { pinBackup, unpinBackup } from './pinBackup';
import { dryRun, prune } from './prune';

/** The operations with the outputs Backups and Summary, by the value of the Operation field. */
export const pruning: Record<string, BranchingOperation> = { dryRun, prune };

/** Those with a single output. */
export const pinning: Record<string, Operation> = { pinBackup, unpinBackup };

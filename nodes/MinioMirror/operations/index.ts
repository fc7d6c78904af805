import type { Operation } from '../../shared/operation';

import { backUp } from './backUp';
import { check } from './check';
import { listBackups } from './listBackups';
import { restore } from './restore';

/** The operations by the value of the Operation field. */
export const operations: Record<string, Operation> = { backUp, restore, check, listBackups };

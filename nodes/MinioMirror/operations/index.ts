import type { Operation } from '../../shared/operation';

import { backUp } from './backUp';
import { checkSetup } from './checkSetup';
import { listBackups } from './listBackups';
import { listObjects } from './listObjects';
import { mirror } from './mirror';
import { restore } from './restore';

/** The operations by the value of the Operation field. */
export const operations: Record<string, Operation> = { backUp, restore, mirror, checkSetup, listBackups, listObjects };

import type { JudgingOperation } from '../../shared/outcome';

import { compare } from './compare';
import { copyBackups } from './copyBackups';

/** The operations by the value of the Operation field. */
export const operations: Record<string, JudgingOperation> = { copyBackups, compare };

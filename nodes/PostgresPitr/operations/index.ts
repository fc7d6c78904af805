import type { Operation } from '../../shared/operation';

import { baseBackup } from './baseBackup';
import { checkSetup } from './checkSetup';
import { listBackups } from './listBackups';
import { recover } from './recover';

/** The operations by the value of the Operation field. */
export const operations: Record<string, Operation> = {
	baseBackup,
	checkSetup,
	listBackups,
	recover,
};

import type { Operation } from '../../shared/operation';

import { archiveWal } from './archiveWal';
import { baseBackup } from './baseBackup';
import { checkSetup } from './checkSetup';
import { createRestorePoint, dropSlot, switchWal } from './control';
import { listBackups } from './listBackups';
import { listWindows } from './listWindows';
import { recover } from './recover';
import { takeInWal } from './takeInWal';

/** The operations by the value of the Operation field. */
export const operations: Record<string, Operation> = {
	baseBackup,
	archiveWal,
	checkSetup,
	createRestorePoint,
	dropSlot,
	listBackups,
	listWindows,
	recover,
	switchWal,
	takeInWal,
};

import type { IExecuteFunctions } from 'n8n-workflow';

import { messageOf, refreshLog, type Storage } from '../../engine';
import { showWarnings } from '../shared/hints';

/** Brings the log of a bucket up to date. That it cannot be written is said, and makes no run fail. */
export async function refreshLogOf(
	context: IExecuteFunctions,
	storage: Storage,
	signal: AbortSignal | undefined,
): Promise<void> {
	try {
		await refreshLog(storage, signal ? { signal } : {});
	} catch (error) {
		showWarnings(context, [`backup.log could not be brought up to date: ${messageOf(error)}`]);
	}
}

import type { IDataObject } from 'n8n-workflow';

import type { Storage } from '../../engine';
import { decidingVerification, readVerification, type VerifiedBackup } from '../../engine/verify';

/**
 * What the verification says by which the backup counts as good or bad, as items show it: when it ended, how deep it went,
 * whether the backup passed. Null where there is none.
 */
export async function verifiedOf(
	storage: Storage,
	backup: VerifiedBackup,
	signal?: AbortSignal,
): Promise<IDataObject | null> {
	const { history } = await readVerification(storage, backup, signal);
	const found = decidingVerification(history);
	return found ? { at: found.at, level: found.reached ?? found.requested, verdict: found.verdict } : null;
}

import type { IDataObject } from 'n8n-workflow';

import type { Storage } from '../../engine';
import { readVerification } from '../../engine/verify';

/**
 * What the newest verification says that came to a verdict, as items show it: when it ended, how deep it went, whether the
 * backup passed. Null where there is none.
 */
export async function verifiedOf(
	storage: Storage,
	archiveKey: string,
	signal?: AbortSignal,
): Promise<IDataObject | null> {
	const { history } = await readVerification(storage, archiveKey, signal);
	const found = history.find(({ verdict }) => verdict !== 'incomplete');
	return found ? { at: found.at, level: found.reached ?? found.requested, verdict: found.verdict } : null;
}

import { type PruneOptions, type Storage, verificationState } from '../../engine';

/** What is known of a backup beyond its manifest: how its latest verification ended. */
export function verifiedState(storage: Storage, signal: AbortSignal | undefined): Pick<PruneOptions, 'stateOf'> {
	return { stateOf: async (entry) => ({ verified: await verificationState(storage, entry, signal) }) };
}

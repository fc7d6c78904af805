import type { PruneOptions, Storage } from '../../engine';

/**
 * What is known of a backup beyond its manifest: how its latest verification ended. Nothing records verifications yet, so
 * nothing is known.
 */
export function verifiedState(_storage: Storage, _signal: AbortSignal | undefined): Pick<PruneOptions, 'stateOf'> {
	return {};
}

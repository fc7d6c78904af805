import type { ManifestSummary } from '../../archive';
import type { RestoreHindrance, ScratchTargets } from '../../verify/types';
import { availableMemory } from './inProcess/memory';
import { fitsInMemory } from './inProcess/memoryNeeded';

/** What keeps a database from being restored for a test. */
export function hindrance({ size }: ManifestSummary, { postgres }: ScratchTargets): RestoreHindrance | undefined {
	if (!postgres) return 'noPlace';
	if (postgres.type === 'server') return undefined;
	const { maxRawBytes, available = availableMemory } = postgres;
	if (size.raw > maxRawBytes) return 'tooLarge';
	return fitsInMemory(size.raw, available()) ? undefined : 'noMemory';
}

/** As hindrance, of the roles of a server, which are restored in memory wherever databases are. */
export function hindranceOfGlobals({ size }: ManifestSummary, { postgres }: ScratchTargets): RestoreHindrance | undefined {
	if (!postgres) return 'noPlace';
	const available = postgres.type === 'inProcess' ? postgres.available : undefined;
	return fitsInMemory(size.raw, (available ?? availableMemory)()) ? undefined : 'noMemory';
}

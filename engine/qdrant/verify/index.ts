/** Tells engine/verify how backups of Qdrant are verified: see engine/verify/system.ts. */
import type { BackupSystem } from '../../verify/system';
import { checkCollection, checkStorage } from './content';
import { snapshotFile } from './snapshotFile';
import { type QdrantScratch, testRestore } from './testRestore';

export type { QdrantScratch } from './testRestore';

export const qdrantSystem: BackupSystem<QdrantScratch> = {
	name: 'qdrant',
	title: 'Qdrant',
	kinds: [
		{
			kind: 'qdrant',
			holdsData: true,
			canBeRestored: true,
			check: async (raw, manifest, context) => ({ counts: await checkCollection(raw, manifest, context), testRestore }),
		},
		{
			// A snapshot of a whole storage cannot be restored over the network, so it is checked by its content alone.
			kind: 'qdrant-storage',
			holdsData: true,
			canBeRestored: false,
			check: async (raw, manifest, context) => ({ counts: await checkStorage(raw, manifest, context) }),
		},
	],
	tars: [snapshotFile],
	measures: { points: 'number of points' },
};

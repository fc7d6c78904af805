/** What PostgreSQL brings so that its backups can be verified: see engine/verify/system.ts. */
import { checkWal } from '../physical/verify/wal';
import type { ArchiveReader } from '../../archive';
import { walLog } from '../physical/retain';
import type { BackupSystem, Counts } from '../../verify/system';
import type { CheckContext } from '../../verify/types';
import { checkBaseBackup } from '../physical/verify/base';
import { checkDump } from './content';
import { dumpFiles, tarDump } from './dumpFiles';
import { checkGlobals } from './globals';
import { testRestoreGlobals } from './globalsRestore';
import { testRecovery } from '../physical/verify/testRecovery';
import { hindrance, hindranceOfBase, hindranceOfGlobals, type PostgresScratch } from './scratch';
import { testRestore } from './testRestore';

export type { PhysicalScratch } from '../physical/verify/testRecovery';
export type { InProcessTarget, PostgresScratch, ServerTarget } from './scratch';

export const postgresSystem: BackupSystem<PostgresScratch> = {
	name: 'postgres',
	title: 'PostgreSQL',
	kinds: [
		{
			kind: 'postgres',
			holdsData: true,
			canBeRestored: true,
			hindrance,
			assertions: ({ assertions = [] }) => assertions,
			check: async (raw, manifest, context) => {
				const counts = await checkDump(raw, manifest, context);
				return { counts, testRestore };
			},
		},
		{
			kind: 'postgres-globals',
			holdsData: false,
			canBeRestored: true,
			hindrance: hindranceOfGlobals,
			check: async (raw, manifest, context) => {
				const counts = await checkGlobals(raw, manifest, context);
				return { counts, testRestore: testRestoreGlobals };
			},
		},
		{
			kind: 'postgres-wal',
			// Without a base backup it brings nothing back.
			holdsData: false,
			canBeRestored: false,
			check: async (raw, manifest, context) => ({ counts: await checkWal(raw, manifest, context) }),
		},
		{
			kind: 'postgres-base',
			holdsData: true,
			canBeRestored: true,
			hindrance: hindranceOfBase,
			check: async (raw, manifest, context) => {
				const counts = await checkBaseBackup(raw, manifest, context);
				return { counts, testRestore: testRestoreBase };
			},
		},
	],
	files: dumpFiles,
	tars: [tarDump],
	logs: [walLog],
	measures: { rows: 'number of rows' },
};

/** Starts a server from it, where one is named. */
async function testRestoreBase(
	reader: ArchiveReader,
	{ physical }: PostgresScratch,
	context: CheckContext,
): Promise<Counts> {
	if (physical) return await testRecovery(reader, physical, context);
	context.found({
		severity: 'inconclusive',
		message: 'No program of a server is named that could be started from the base backup.',
		hint: 'Name one in Postgres Program: /usr/lib/postgresql/18/bin/postgres.',
	});
	return {};
}

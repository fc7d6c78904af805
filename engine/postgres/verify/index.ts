/** What PostgreSQL brings so that its backups can be verified: see engine/verify/system.ts. */
import { checkWal } from '../physical/verify/wal';
import type { BackupSystem } from '../../verify/system';
import { checkBaseBackup } from '../physical/verify/base';
import { checkDump } from './content';
import { dumpFiles, tarDump } from './dumpFiles';
import { checkGlobals } from './globals';
import { testRestoreGlobals } from './globalsRestore';
import { hindrance, hindranceOfGlobals, type PostgresScratch } from './scratch';
import { testRestore } from './testRestore';

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
			canBeRestored: false,
			check: async (raw, manifest, context) => ({ counts: await checkBaseBackup(raw, manifest, context) }),
		},
	],
	files: dumpFiles,
	tars: [tarDump],
	measures: { rows: 'number of rows' },
};

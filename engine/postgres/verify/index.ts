/** What verification knows of PostgreSQL's archives; see engine/verify. */
import type { KindCheck } from '../../verify/types';
import { checkDump } from './content';
import { checkGlobals } from './globals';
import { testRestoreGlobals } from './globalsRestore';
import { hindrance, hindranceOfGlobals } from './hindrance';
import { testRestore } from './testRestore';

export const postgresChecks: KindCheck[] = [
	{ kinds: ['postgres'], content: checkDump, testRestore, hindrance },
	{
		kinds: ['postgres-globals'],
		content: checkGlobals,
		testRestore: testRestoreGlobals,
		hindrance: hindranceOfGlobals,
	},
];

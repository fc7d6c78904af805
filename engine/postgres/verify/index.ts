/** What verification knows of PostgreSQL's archives; see engine/verify. */
import type { KindCheck } from '../../verify/types';
import { checkDump } from './content';
import { checkGlobals } from './globals';

export const postgresChecks: KindCheck[] = [
	{ kinds: ['postgres'], content: checkDump },
	{ kinds: ['postgres-globals'], content: checkGlobals },
];

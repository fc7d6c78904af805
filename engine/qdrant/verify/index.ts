import type { KindCheck } from '../../verify/types';
import { checkContent } from './content';
import { testRestore } from './testRestore';

/** A snapshot of a whole storage cannot be restored over the network, so it is checked by its content alone. */
export const qdrantChecks: readonly KindCheck[] = [
	{ kinds: ['qdrant'], content: checkContent, testRestore },
	{ kinds: ['qdrant-storage'], content: checkContent },
];

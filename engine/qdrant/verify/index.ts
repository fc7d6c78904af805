import type { KindCheck } from '../../verify/types';
import { checkContent } from './content';
import { testRestore } from './testRestore';

/** Collections are restored on a server alone. */
const hindrance: KindCheck['hindrance'] = (_manifest, { qdrant }) => (qdrant ? undefined : 'noPlace');

/** A snapshot of a whole storage cannot be restored over the network, so it is checked by its content alone. */
export const qdrantChecks: readonly KindCheck[] = [
	{ kinds: ['qdrant'], content: checkContent, testRestore, hindrance },
	{ kinds: ['qdrant-storage'], content: checkContent },
];

/**
 * What one workflow may have at most. Exports and the reader of files share it: what is exported can be read back, and what could
 * not be is left out with a warning.
 */
import type { SplitLimits } from './split';

/**
 * n8n takes workflows of 16 MiB (N8N_PAYLOAD_SIZE_MAX), and its API gives what is published of one beside it. It takes them as
 * deep as its JSON parser does (600 levels seen on 2.41.3); what compares workflows here calls itself once a level.
 */
export const WORKFLOW_LIMITS: SplitLimits = { element: 96 * 1024 * 1024, depth: 1000 };

/** Whether arrays and objects stand deeper in one another than so many levels. */
export function isDeeperThan(value: unknown, depth: number): boolean {
	const open: { value: unknown; level: number }[] = [{ value, level: 1 }];
	for (let next = open.pop(); next; next = open.pop()) {
		if (typeof next.value !== 'object' || next.value === null) continue;
		if (next.level > depth) return true;
		for (const inner of Object.values(next.value)) {
			if (typeof inner === 'object' && inner !== null) open.push({ value: inner, level: next.level + 1 });
		}
	}
	return false;
}

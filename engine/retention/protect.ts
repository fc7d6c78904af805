import { isGood, lineOf, type RetentionEntry } from './entry';
import type { AddReason } from './rules';

/** Keeps what no policy may delete, apart from parents. @param sorted All backups, newest first */
export function protect(sorted: readonly RetentionEntry[], now: Date, add: AddReason): void {
	const withGood = new Set<string>();
	const withVerified = new Set<string>();
	for (const entry of sorted) {
		const line = lineOf(entry);
		if (isGood(entry) && !withGood.has(line)) {
			withGood.add(line);
			add(entry, { rule: 'lastGood', text: `the last good backup of ${thing(entry)}` });
		}
		if (entry.complete && entry.verified === 'passed' && !withVerified.has(line)) {
			withVerified.add(line);
			add(entry, { rule: 'lastVerified', text: `the last verified backup of ${thing(entry)}` });
		}
		if (entry.pinned) add(entry, { rule: 'pinned', text: 'pinned' });
		if (entry.lockedUntil !== undefined && Date.parse(entry.lockedUntil) > now.getTime()) {
			add(entry, { rule: 'locked', text: `locked by the storage until ${entry.lockedUntil}` });
		}
		if (entry.legalHold) add(entry, { rule: 'legalHold', text: 'under a legal hold in the storage, without an end' });
	}
}

function thing({ name, partial }: RetentionEntry): string {
	return partial === undefined ? name : `${name} (${partial})`;
}

/**
 * Keeps the backups that kept ones cannot be restored without, and theirs in turn.
 * @param outside Backups that the plan does not decide on: all of them stay
 */
export function protectParents(
	all: readonly RetentionEntry[],
	outside: readonly RetentionEntry[],
	isKept: (entry: RetentionEntry) => boolean,
	add: AddReason,
): void {
	const byId = new Map<string, RetentionEntry[]>();
	for (const entry of [...all, ...outside]) {
		const same = byId.get(entry.id);
		if (same) same.push(entry);
		else byId.set(entry.id, [entry]);
	}
	const visited = new Set<string>();
	const waiting = [...outside, ...all.filter(isKept)].filter(({ parent }) => parent !== undefined);
	for (let child = waiting.pop(); child; child = waiting.pop()) {
		if (child.parent === undefined || visited.has(child.parent)) continue;
		visited.add(child.parent);
		// A weekly copy has the id of its original; either may be the one that is found at a restore.
		for (const parent of byId.get(child.parent) ?? []) {
			add(parent, { rule: 'parent', text: `needed by ${child.key}` });
			waiting.push(parent);
		}
	}
}

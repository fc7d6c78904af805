/**
 * What a verification found out about one file holds for another that has the same bytes: a weekly copy has the manifest of its
 * original, id and hash, and in a folder it is a hard link. What is bad in the original is bad in its copy, so it must not
 * count as a good one. (That the original passed proves nothing about a copy that lies elsewhere on the disk.)
 */
import { LIMITS, readSmall } from '../../archive';
import type { Storage } from '../../storage/storage';
import { verificationKeyOf } from '../../verify/history';
import type { RetentionEntry } from '../entry';
import { weekOfKey } from '../policy/periods';

/**
 * Lets what failed count for what has the same bytes: hard links of it, whatever is known of them; weekly copies of an
 * original, where nothing is known of them by themselves.
 */
export function shareFailures(entries: readonly RetentionEntry[]): void {
	const failed = new Map<string, RetentionEntry[]>();
	for (const entry of entries) {
		if (entry.verified !== 'failed') continue;
		const same = failed.get(entry.id);
		if (same) same.push(entry);
		else failed.set(entry.id, [entry]);
	}
	if (failed.size === 0) return;
	for (const entry of entries) {
		if (failed.get(entry.id)?.some((other) => isSameBytes(other, entry))) entry.verified = 'failed';
	}
}

function isSameBytes(failed: RetentionEntry, entry: RetentionEntry): boolean {
	if (failed.sharedAs !== undefined && failed.sharedAs === entry.sharedAs) return true;
	const isCopy = weekOfKey(entry.key) !== undefined && weekOfKey(failed.key) === undefined;
	return isCopy && entry.verified === undefined && entry.size === failed.size;
}

/** Puts the record of a failed backup that is about to go beside a copy of it that stays. */
export async function passOnFailure(
	storage: Storage,
	failed: RetentionEntry,
	copy: RetentionEntry,
	signal: AbortSignal | undefined,
): Promise<void> {
	const record = await readSmall(storage, verificationKeyOf(failed.key), LIMITS.verification, signal);
	if (record !== undefined) await storage.replace(verificationKeyOf(copy.key), Buffer.from(record));
}

import {
	decidingVerification,
	readVerification,
	type Storage,
	type VerificationLevel,
	type VerifiedBackup,
	type Verdict,
} from '../../engine';

/**
 * What the verification says by which the backup counts as good or bad, as items show it: when it ended, how deep it went,
 * whether the backup passed. Null where there is none.
 */
export async function verificationOf(
	storage: Storage,
	backup: VerifiedBackup,
	signal?: AbortSignal,
): Promise<{ at: string; level: VerificationLevel; verdict: Verdict } | null> {
	const { history } = await readVerification(storage, backup, signal);
	const found = decidingVerification(history);
	return found ? { at: found.at, level: found.reached ?? found.requested, verdict: found.verdict } : null;
}

import type { BackupKind, ManifestSummary } from '../archive';
import { postgresChecks } from '../postgres/verify';
import { qdrantChecks } from '../qdrant/verify';
import type { KindCheck, RestoreHindrance, ScratchTargets, VerificationLevel } from './types';

/** What each system brings for its own archives. A new system adds its checks here and nowhere else. */
const CHECKS: readonly KindCheck[] = [...postgresChecks, ...qdrantChecks];

/** The check of a kind; undefined where its system has none yet. */
export function checkOf(kind: BackupKind): KindCheck | undefined {
	return CHECKS.find(({ kinds }) => kinds.includes(kind));
}

/** How deep backups of a kind can be verified: not all of them can be restored for a test. */
export function deepestLevelOf(kind: BackupKind): VerificationLevel {
	return checkOf(kind)?.testRestore ? 'restore' : 'content';
}

/** What keeps a backup from being restored for a test, as far as it shows before; undefined where nothing does. */
export function hindranceOf(manifest: ManifestSummary, targets: ScratchTargets): RestoreHindrance | undefined {
	const check = checkOf(manifest.kind);
	return check?.testRestore ? check.hindrance?.(manifest, targets) : 'noWay';
}

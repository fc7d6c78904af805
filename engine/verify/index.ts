/** Verification of backups: engine/verify/types.ts says what levels, verdicts and findings are. */
export { verifyBackup, type BackupToVerify, type VerifyBackupOptions } from './verifyBackup';
export type {
	CheckContext,
	Finding,
	KindCheck,
	LevelReport,
	ScratchTargets,
	Verdict,
	VerificationLevel,
	VerificationReport,
} from './types';

/** Verification of backups: engine/verify/types.ts says what levels, verdicts and findings are. */
export { verifyBackup, type BackupToVerify, type VerifyBackupOptions } from './verifyBackup';
export type {
	CheckContext,
	Finding,
	KindCheck,
	LevelReport,
	RestoreHindrance,
	ScratchTargets,
	Verdict,
	VerificationLevel,
	VerificationReport,
} from './types';
export { deepestLevelOf } from './registry';
export { findAnomalies, type Anomaly, type AnomalyMeasure, type AnomalyOptions } from './anomalies';
export { chooseBackups, type BackupChoice, type ChosenBackups } from './choose';
export {
	decidingVerification,
	readVerification,
	recordVerification,
	verificationKeyOf,
	verificationState,
	type VerificationEntry,
	type VerificationHistory,
	type VerifiedBackup,
} from './history';
export { verifyFile, type VerifyFileOptions } from './foreign';
export {
	drill,
	type DrilledBackup,
	type DrilledSystem,
	type DrillOptions,
	type DrillReport,
	type DrillVerdict,
} from './drill';
export type { DrillGap, GapReason } from './drillSet';

/**
 * Verification of backups: engine/verify/types.ts says what levels, verdicts and findings are, system.ts what each system
 * brings. Whatever needs the systems takes the list of them; engine/systems.ts has the same functions with all systems.
 */
export { verifyBackup, type BackupToVerify, type VerifyBackupOptions } from './verifyBackup';
export type { CheckContext, Finding, LevelReport, Verdict, VerificationLevel, VerificationReport } from './types';
export {
	deepestLevelOf,
	findKind,
	systemOf,
	type BackupSystem,
	type RestoreHindrance,
	type ScratchTargets,
	type SystemKind,
} from './system';
export {
	findAnomalies,
	measuresOf,
	type Anomaly,
	type AnomalyMeasure,
	type AnomalyOptions,
	type TrendFacts,
} from './anomalies';
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
export { verifyFile, type VerifyFileOptions } from './foreign/verifyFile';
export {
	drill,
	type DrilledBackup,
	type DrilledSystem,
	type DrillOptions,
	type DrillReport,
	type DrillVerdict,
} from './drill';
export type { SystemLog } from './log';
export type {
	LogCollector,
	LogGap,
	LoggedSystem,
	LogSign,
	LogSlot,
	LogWindow,
	RecoverableOptions,
	ServerLog,
} from './recoverable';
export type { DrillGap, GapReason } from './drillSet';

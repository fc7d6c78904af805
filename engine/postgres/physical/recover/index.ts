/** Recovery to a moment of the past: see recover.ts. */
export { planRecovery, type PlanRecoveryOptions, type RecoverableWindow, type RecoveryPlan } from './plan';
export {
	previewRecovery,
	recoverCluster,
	type RecoveredCluster,
	type RecoverInto,
	type RecoverOptions,
	type RecoveryPreview,
} from './recover';
export type { Owner } from './targetFolder';
export {
	parseRestorePoint,
	parseTime,
	parseTransaction,
	readableTime,
	RECOVERY_ACTIONS,
	targetText,
	type RecoveryAction,
	type RecoveryTarget,
} from './target';

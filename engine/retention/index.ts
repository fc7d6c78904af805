export { entryOf, isGood, type EntryState, type RetentionEntry } from './entry';
export { forecast, type Forecast, type ForecastOptions } from './forecast';
export type { LogReport } from './log-report';
export { readLastRuns, type LastRun, type RanBy } from './last-runs';
export { planRetention, type Decision, type Refusal, type RetentionPlan } from './policy/plan';
export { isoWeek, weekOfKey, weeklyFolder } from './policy/periods';
export {
	parsePolicy,
	PRESETS,
	type Count,
	type KeepRules,
	type PresetName,
	type RetentionPolicy,
} from './policy/policy';
export type { Reason } from './policy/decisions';
export { areEmpty } from './policy/rules';
export { Zone } from './policy/zone';
export { EntryKeeper, readCatalog, type RetentionCatalog } from './survey/catalog';
export { isOwnName } from './survey/orphans';
export { setPinned, type PinnedBackup, type PinOptions } from './pin';
export { prune, type PruneOptions } from './prune';
export type { PruneReport, PruneRow, PruneTotals, WalReport, WeeklyCopyReport } from './report';
export { planWal, type BaseCandidate, type WalPlan } from './wal/plan';
export { copyBackup, dueWeeklyCopies, type WeeklyCopy } from './weekly';

export { entryOf, isGood, type EntryState, type RetentionEntry } from './entry';
export { planRetention, type Decision, type Refusal, type RetentionPlan } from './plan';
export { isoWeek, weekOfKey, weeklyFolder } from './periods';
export { parsePolicy, PRESETS, type Count, type KeepRules, type PresetName, type RetentionPolicy } from './policy';
export type { Reason } from './rules';
export { Zone } from './zone';
export { readCatalog, type RetentionCatalog } from './catalog';
export { acquireLock, withLock, type LockOptions, type StorageLock } from './lock';
export { prune, type PruneOptions, type PruneReport } from './prune';

/** Physical backups: what others may use of them. */
export { readCluster, type Cluster } from './cluster';
export { createRestorePoint, dropReplicationSlot, switchWal, type ControlOptions } from './control';
export {
	coverageOf,
	findCoverage,
	type ClusterCoverage,
	type Coverage,
	type Gap as WalGap,
	type UselessBase,
	type Window as RecoveryWindow,
} from './coverage';
export { formatLsn, parseLsn, type Lsn } from './lsn';
export { readServerLog } from './serverLog';
export { listSlots, readSlotState, type NamedSlot, type SlotState } from './slot';
export {
	archiveWal,
	followWal,
	planTakeIn,
	takeInWal,
	type RefusedFile as RefusedWalFile,
	type TakeInOptions,
	type TakeInPlan,
	type TakeInReport,
	type ArchiveWalOptions,
	type ArchiveWalReport,
	type FollowEvents,
	type FollowProgress,
	type FollowWalOptions,
	type LostWal,
	type StoredStretch,
	type Trouble,
} from './wal';

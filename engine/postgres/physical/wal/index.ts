export { archiveWal, type ArchiveWalOptions, type ArchiveWalReport } from './archiveWal';
export type { StoredStretch } from './collector';
export { followWal, type FollowEvents, type FollowProgress, type FollowWalOptions, type Trouble } from './followWal';
export type { LostWal, RunProgress } from './archiveRun';
export { WalDamage } from './page';
export { WalReader, type WalEvent, type WalReaderOptions } from './reader';
export type { RestorePoint, WalFacts } from './walFacts';
export type { RefusedFile } from './archivedFiles';
export { planTakeIn, takeInWal, type TakeInOptions, type TakeInPlan, type TakeInReport } from './takeIn';

export { archiveWal, type ArchiveWalOptions, type ArchiveWalReport } from './archiveWal';
export type { LostWal, RunProgress } from './archiveRun';
export { WalDamage } from './page';
export { WalReader, type WalEvent, type WalReaderOptions } from './reader';
export type { WalFacts } from './walFacts';

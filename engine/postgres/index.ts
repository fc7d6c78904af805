export { backUpDatabase } from './dump/backUpDatabase';
export type { BackUpDatabaseOptions } from './dump/options';
export { dumpArguments, parseExtraArguments, type DumpSelection } from './dump/arguments';
export { backUpGlobals, type BackUpGlobalsOptions } from './backUpGlobals';
export { restoreGlobals } from './restoreGlobals';
export { planGlobalsRestore, type GlobalsRestorePlan } from './planGlobals';
export type { ApplyGlobalsReport } from './globals';
export type { PostgresConnection } from './connection';
export * from './physical';
export { checkConnection } from './checkConnection';
export { checkPostgres, type CheckPostgresOptions, type PostgresPreflight } from './preflight';
export { trustedProgram } from './physical/verify/program';
export {
	postgresSystem,
	type InProcessTarget,
	type PhysicalScratch,
	type PostgresScratch,
	type ServerTarget,
} from './verify';
export { listDatabases, listSchemas, listTables, queryDatabase } from './lookUp';
export {
	ArchiveSource,
	planDatabaseRestore,
	restoreDatabase,
	type DatabaseRestorePlan,
	type TargetDatabase,
	type OwnerMapping,
	type RestoreDatabaseOptions,
	type RestoredTable,
	type RestoreFailure,
	type RestoreReport,
	type RestoreSelection,
	type RestoreSource,
	type RestoreTarget,
} from './restore';
export {
	importGlobals,
	importServer,
	listForeignDump,
	openForeignDatabases,
	openForeignDump,
	type ForeignDump,
	type ForeignListing,
	type ImportServerReport,
} from './import';
export { backUpCluster, BASE_BACKUP_RATE, type BackUpClusterOptions } from './physical/base';
export { checkPhysicalBackups, type CheckPhysicalOptions, type PhysicalPreflight } from './physical/preflight';
export { formatLsn, parseLsn } from './physical/lsn';
export {
	parseRestorePoint,
	parseTime as parseRecoveryTime,
	parseTransaction,
	previewRecovery,
	readableTime as readableRecoveryTime,
	recoverCluster,
	RECOVERY_ACTIONS,
	targetText as recoveryTargetText,
	type RecoverableWindow,
	type RecoveredCluster,
	type RecoverInto,
	type RecoveryAction,
	type RecoveryPlan,
	type RecoveryPreview,
	type RecoveryTarget,
	type RecoverOptions,
} from './physical/recover';

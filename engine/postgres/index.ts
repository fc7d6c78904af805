export { backUpDatabase, type BackUpDatabaseOptions } from './dump/backUpDatabase';
export { dumpArguments, parseExtraArguments, type DumpSelection } from './dump/arguments';
export { backUpGlobals, type BackUpGlobalsOptions } from './backUpGlobals';
export { restoreGlobals } from './restoreGlobals';
export type { ApplyGlobalsReport } from './globals';
export type { PostgresConnection } from './connection';
export { checkConnection } from './checkConnection';
export { listDatabases, listSchemas, listTables, queryDatabase } from './lookUp';
export { ArchiveSource } from './restore/source/archiveSource';
export { restoreDatabase, type RestoreDatabaseOptions, type RestoreTarget } from './restore/restoreDatabase';
export type { RestoreSource } from './restore/source/source';
export type { RestoreSelection } from './restore/source/selection';
export type { OwnerMapping } from './restore/load/ownership';
export type { RestoredTable, RestoreFailure, RestoreReport } from './restore/report';
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

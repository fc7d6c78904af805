export { shortTables } from './checks';
export { checkDatabaseName, dropDatabase, Maintenance } from './databases';
export { copyIn, load } from './load';
export type { OwnerMapping, RestoreDatabaseOptions, RestoreTarget } from './options';
export { checkTargetDatabase } from './preconditions';
export type { RestoredTable, RestoreFailure, RestoreReport } from './report';
export {
	planDatabaseRestore,
	type DatabaseRestorePlan,
	type PlanDatabaseOptions,
	type TargetDatabase,
} from './planRestore';
export { restoreDatabase } from './restoreDatabase';
export {
	ArchiveSource,
	assertWholeContent,
	type Inspection,
	KeptDefinitions,
	leftOut,
	type RestoreSelection,
	type RestoreSource,
	type RestoreStep,
	SelectionFilter,
	type SourceFacts,
	StatementChooser,
	StatementSurvey,
} from './source';

export {
	checkDatabaseName,
	createDatabase,
	createDatabaseAsStated,
	databaseExists,
	dropDatabase,
	freeName,
	keptCopies,
	localeClauses,
	MAY_NOT_CREATE,
	stagingName,
	staleStagingDatabases,
} from './databases';
export { Maintenance } from './maintenance';
export { applyEarlySettings, applyOwner, applyProperties } from './properties';
export { takeName } from './renaming';

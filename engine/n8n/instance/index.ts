/** n8n itself: its database, its encryption key, and what a new n8n has to know to start from them. */
export { canBeInstalled, instanceSourceSchema, type InstanceDocument, type InstanceSource } from './content';
export { assertSqliteIsWhole, withDatabaseCopy } from './databaseCopy';
export { factQueries, factsIn, type Answers, type DatabaseFacts, type FactQuery } from './facts';
export { prepareFolder } from './prepareFolder';
export { readInstance, type InstanceContent } from './readInstance';
export {
	ALLOW_INSTANCE,
	assertInstanceAllowed,
	instanceFolder,
	ownDatabaseFiles,
	ownSettings,
	readSettings,
	type DatabaseSettings,
	type InstanceSettings,
	type Surroundings,
} from './settings';
export { assertEncrypted, assertKeyOpens, storeInstance, type StoredDatabase } from './storeInstance';
export { instanceKind, type InstanceScratch } from './verify';
export { isOlder, UNKNOWN_VERSION, versionOfProgram } from './version';
export { withoutLinks } from './withoutLinks';

export { getBackupSchemas } from './getBackupSchemas';
export { getBackupTables } from './getBackupTables';
export { getDatabases } from './getDatabases';
export { getSchemas } from './getSchemas';
export { getTables } from './getTables';

export { backUpCluster } from './backUpCluster';
export { type BackUpClusterOptions, BASE_BACKUP_RATE } from './options';
export { backupManifestOf, type IncrementalChoices } from './previous';
export { type ClusterFacts, readClusterFacts } from './clusterFacts';
export { BACKUP_MANIFEST, DataFiles, type DataFilesOptions } from './dataFiles';
export { INCREMENTAL_PREFIX, relationFile } from './relationFile';

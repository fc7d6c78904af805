export { backUpCluster } from './backUpCluster';
export { type BackUpClusterOptions, BASE_BACKUP_RATE } from './options';
export { backupManifestOf, type IncrementalChoices } from './previous';
export { type ClusterFacts, clusterName, readCluster } from './cluster';
export { BACKUP_MANIFEST, DataFiles, type DataFilesOptions } from './dataFiles';
export { type IncrementalHead, INCREMENTAL_HEAD_BYTES, readIncrementalHead } from './incrementalHead';
export { INCREMENTAL_PREFIX, relationFile } from './relationFile';

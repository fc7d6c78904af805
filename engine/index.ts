/** The product without n8n: everything a plain script needs to back up and restore. */
export * from './errors';
export * from './parallel';
export * from './storage';
export * from './archive';
export * from './postgres';
export * from './qdrant';
export * from './minio';
export * from './files';
export * from './n8n';
export * from './instance';
export * from './tree';
export * from './retention';
export * from './report';
export * from './journal';
export * from './preflight';
export * from './copy';
export * from './verify';
// With the list of all systems; they stand in front of the functions of the same names above, which take a list.
export {
	ANOMALY_MEASURES,
	deepestLevelOf,
	drill,
	findAnomalies,
	findProblems,
	holdsData,
	metricsText,
	prune,
	readState,
	reportOf,
	resultsOf,
	SYSTEMS,
	systemOf,
	verifyBackup,
	verifyFile,
} from './systems';

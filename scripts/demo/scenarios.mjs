import { alertScenarios } from './alerts.mjs';
import { checkSetupScenarios } from './check-setup.mjs';
import { copyScenarios } from './copy.mjs';
import { dailyScenarios, disasterScenarios } from './disaster.mjs';
import { filesScenarios } from './files.mjs';
import { instanceScenarios } from './instance.mjs';
import { minioScenarios } from './minio.mjs';
import { n8nScenarios } from './n8n.mjs';
import { pitrScenarios } from './pitr.mjs';
import { postgresScenarios } from './postgres.mjs';
import { qdrantScenarios } from './qdrant.mjs';
import { reportScenarios } from './report.mjs';
import { retentionScenarios } from './retention.mjs';
import { runningScenarios, slowScenarios } from './runs.mjs';
import { verifyScenarios } from './verify.mjs';

/**
 * What the demo does, in order. A scenario is { title, run }: `run` gets the environment (scripts/demo/environment.mjs, with
 * `account`, `credentials` and `templates`), throws where something is not as it should be, and answers lines that tell what happened.
 */
export const scenarios = [
	...postgresScenarios,
	...qdrantScenarios,
	...filesScenarios,
	...minioScenarios,
	...n8nScenarios,
	...dailyScenarios,
	...verifyScenarios,
	...disasterScenarios,
	...retentionScenarios,
	...copyScenarios,
	...checkSetupScenarios,
	...slowScenarios,
	...reportScenarios,
	...alertScenarios,
	...pitrScenarios,
	...instanceScenarios,
	...runningScenarios,
];

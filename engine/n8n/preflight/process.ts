import { type ExecutionLimit, finder, type SetupFinding } from '../../preflight';

type Environment = Readonly<Record<string, string | undefined>>;

/** A whole backup of something large takes longer than this sooner or later. */
const SHORT_TIMEOUT_S = 3600;

/** What n8n takes for itself, and a back up of each of the systems beside it. Measured: 110 to 310 MB. */
const WANTED_BYTES = 512 * 1024 ** 2;

const ABOUT = 'n8n';

/**
 * Settings of the n8n that this process is which would cut a long back up off.
 * @param memoryBytes what the process may take at most; undefined where nobody knows
 */
export function processFindings(
	env: Environment = process.env,
	memoryBytes: number | undefined = process.constrainedMemory() || undefined,
): SetupFinding[] {
	return [...timeoutFindings(env), ...memoryFindings(memoryBytes), ...binaryFindings(env), ...dataFindings(env)];
}

/** When this n8n ends an execution, and how it is told to wait longer; undefined where it ends none. */
export function executionLimit(env: Environment = process.env): ExecutionLimit | undefined {
	const seconds = Number(env['EXECUTIONS_TIMEOUT'] ?? -1);
	if (!(seconds > 0)) return undefined;
	const most = Math.max(seconds, Number(env['EXECUTIONS_TIMEOUT_MAX'] ?? SHORT_TIMEOUT_S) || SHORT_TIMEOUT_S);
	const remedy = `In the settings of the workflow, switch Timeout Workflow on, and give it up to ${most} s (EXECUTIONS_TIMEOUT_MAX). Or set EXECUTIONS_TIMEOUT=-1 in the environment of n8n, and restart it.`;
	return { seconds, remedy };
}

/** Seconds; n8n takes -1, and 0, for none. */
function timeoutFindings(env: Environment): SetupFinding[] {
	const { ok, warning } = finder('Execution Timeout', ABOUT, 'backup');
	const limit = executionLimit(env);
	if (!limit) return [ok('n8n lets executions take as long as they need.')];
	const what = `n8n ends each execution after ${limit.seconds} s (EXECUTIONS_TIMEOUT), a back up as well.`;
	return [limit.seconds >= SHORT_TIMEOUT_S ? ok(what) : warning(what, limit.remedy)];
}

function memoryFindings(bytes: number | undefined): SetupFinding[] {
	// Without a limit, Node answers with a number that no machine has.
	if (bytes === undefined || bytes > 2 ** 50) return [];
	const { ok, warning } = finder('Memory', ABOUT, 'backup');
	const limit = `n8n may take ${Math.floor(bytes / 1024 ** 2)} MiB of memory`;
	if (bytes >= WANTED_BYTES) return [ok(`${limit}.`)];
	return [
		warning(
			`${limit}, of which it needs most itself: a back up beside it may end it.`,
			'Give its container 1 GiB (docker run --memory=1g; mem_limit: 1g in a compose file), and 2 GiB for test restores in memory.',
		),
	];
}

/** n8n calls it `default`: the files of an execution are kept in memory, and with its data. */
function binaryFindings(env: Environment): SetupFinding[] {
	const { warning } = finder('Binary Data', ABOUT, 'backup');
	const mode = env['N8N_DEFAULT_BINARY_DATA_MODE'];
	if (mode === 'filesystem' && env['EXECUTIONS_MODE'] === 'queue') {
		return [
			warning(
				'n8n keeps files of executions in the folder of each worker (N8N_DEFAULT_BINARY_DATA_MODE is filesystem) in queue mode, so what one has put out as binary data the others may not find.',
				'Set N8N_DEFAULT_BINARY_DATA_MODE=database (or s3) in the environment of the main process and of all workers, and restart them; or back up into a Backup Storage.',
			),
		];
	}
	if (mode !== 'default') return [];
	return [
		warning(
			'n8n keeps files of executions in memory (N8N_DEFAULT_BINARY_DATA_MODE is default), so a back up to binary data has to fit there.',
			'Set N8N_DEFAULT_BINARY_DATA_MODE=filesystem in the environment of n8n (database in queue mode), and restart it; or back up into a Backup Storage.',
		),
	];
}

/** What n8n keeps of executions: files that were put out stay as long as these, and what a back up failed with stands there. */
function dataFindings(env: Environment): SetupFinding[] {
	const { warning } = finder('Execution Data', ABOUT, 'backup');
	return [
		...(env['EXECUTIONS_DATA_PRUNE'] === 'false'
			? [
					warning(
						'n8n never removes the data of old executions (EXECUTIONS_DATA_PRUNE is false), so each archive that went through a workflow as binary data stays in its storage as well, and its database grows with every run.',
						'Set EXECUTIONS_DATA_PRUNE=true and EXECUTIONS_DATA_MAX_AGE=336 (hours) in the environment of n8n, and restart it.',
					),
				]
			: []),
		...(env['EXECUTIONS_DATA_SAVE_ON_ERROR'] === 'none'
			? [
					warning(
						'n8n keeps nothing of executions that failed (EXECUTIONS_DATA_SAVE_ON_ERROR is none): what a back up failed with stands in the journal of the storage alone.',
						'Set EXECUTIONS_DATA_SAVE_ON_ERROR=all in the environment of n8n, and restart it; or in the settings of the workflow, Save Failed Production Executions at Save.',
					),
				]
			: []),
	];
}

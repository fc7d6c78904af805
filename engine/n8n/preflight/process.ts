import { finder, type SetupFinding } from '../../preflight';

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
	return [...timeoutFindings(env), ...memoryFindings(memoryBytes), ...binaryFindings(env)];
}

/** Seconds; n8n takes -1, and 0, for none. */
function timeoutFindings(env: Environment): SetupFinding[] {
	const { ok, warning } = finder('Execution Timeout', ABOUT, 'backup');
	const seconds = Number(env['EXECUTIONS_TIMEOUT'] ?? -1);
	if (!(seconds > 0)) return [ok('n8n lets executions take as long as they need.')];
	const what = `n8n ends each execution after ${seconds} s (EXECUTIONS_TIMEOUT), a back up as well.`;
	if (seconds >= SHORT_TIMEOUT_S) return [ok(what)];
	const most = Math.max(seconds, Number(env['EXECUTIONS_TIMEOUT_MAX'] ?? SHORT_TIMEOUT_S) || SHORT_TIMEOUT_S);
	return [
		warning(
			what,
			`In the settings of the workflow, switch Timeout Workflow on, and give it up to ${most} s (EXECUTIONS_TIMEOUT_MAX). Or set EXECUTIONS_TIMEOUT=-1 in the environment of n8n, and restart it.`,
		),
	];
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
	if (env['N8N_DEFAULT_BINARY_DATA_MODE'] !== 'default') return [];
	return [
		finder('Binary Data', ABOUT, 'backup').warning(
			'n8n keeps files of executions in memory (N8N_DEFAULT_BINARY_DATA_MODE is default), so a back up to binary data has to fit there.',
			'Set N8N_DEFAULT_BINARY_DATA_MODE=filesystem in the environment of n8n (database in queue mode), and restart it; or back up into a Backup Storage.',
		),
	];
}

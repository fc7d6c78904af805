/**
 * Lets a server recover by itself on a data directory that was made for a test. Nobody else can reach it: it listens on
 * nothing but a socket in the data directory itself. It is told to shut down where it has recovered, so its end says whether it came so far.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { cancelled } from '../../../errors';
import type { Owner } from '../recover/targetFolder';

/** What stands in the way of a server on another machine, or does something outside of its folder. */
const SETTINGS: Readonly<Record<string, string>> = {
	listen_addresses: '',
	// Without any a server does not start. In the data directory, which nobody else may enter: a path from the root may be too long.
	unix_socket_directories: '.',
	archive_mode: 'off',
	ssl: 'off',
	logging_collector: 'off',
	log_destination: 'stderr',
	log_min_messages: 'log',
	shared_preload_libraries: '',
	session_preload_libraries: '',
	local_preload_libraries: '',
	jit: 'off',
	synchronous_standby_names: '',
	fsync: 'off',
	restart_after_crash: 'off',
	external_pid_file: '',
};

/** Of what the server writes, the last that is kept. */
const KEPT_BYTES = 64 * 1024;
const REACHED = 'shutdown at recovery target';
/** After SIGINT it has so long to end. */
const ENDS_WITHIN_MS = 30_000;

export interface ServerRun {
	/** Whether it recovered to the place that it was told. */
	isReached: boolean;
	/** The last lines of its log that tell of something wrong. */
	problems: string[];
}

/**
 * @param account whom it runs as; undefined for who runs this, never root
 * @throws BackupError CANCELLED; system errors where it cannot be started
 */
export async function runServer(
	program: string,
	dataDirectory: string,
	account: Owner | undefined,
	signal: AbortSignal | undefined,
): Promise<ServerRun> {
	// The configuration comes out of an archive: it must not lead to the data of another server.
	const all = { ...SETTINGS, data_directory: dataDirectory };
	const settings = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
	const child = spawn(program, ['-D', dataDirectory, ...settings], {
		cwd: dataDirectory,
		env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
		stdio: ['ignore', 'ignore', 'pipe'],
		...account,
	});
	let output = '';
	child.stderr.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-KEPT_BYTES)));
	let killing: NodeJS.Timeout | undefined;
	const end = () => {
		child.kill('SIGINT');
		killing = setTimeout(() => child.kill('SIGKILL'), ENDS_WITHIN_MS);
	};
	signal?.addEventListener('abort', end, { once: true });
	try {
		if (signal?.aborted) end();
		await once(child, 'close');
	} finally {
		clearTimeout(killing);
		signal?.removeEventListener('abort', end);
	}
	if (signal?.aborted) throw cancelled();
	const problems = output.split('\n').filter((line) => /\b(?:PANIC|FATAL|ERROR|could not)\b/.test(line));
	return { isReached: output.includes(REACHED), problems: problems.slice(-5) };
}

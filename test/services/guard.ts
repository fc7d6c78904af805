import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Servers and temporary folders must not outlive the process that made them, not even when it is killed. So a small process of
// its own (guard-process.mjs) knows them all and cleans up when the pipe to us closes.
let guard: ChildProcess | undefined;

function tell(...command: [verb: string, value: string | number, signal?: NodeJS.Signals]): void {
	if (!guard) {
		guard = spawn(process.execPath, [join(__dirname, 'guard-process.mjs')], {
			stdio: ['pipe', 'ignore', 'inherit'],
			detached: true,
			env: {},
		});
		guard.unref();
		(guard.stdin as unknown as { unref(): void }).unref();
	}
	guard.stdin!.write(`${JSON.stringify(command)}\n`);
}

/** Stops a process (with the signal, then its group by SIGKILL) should this one end before `processEnded`. */
export function guardProcess(pid: number, signal: NodeJS.Signals): void {
	tell('process', pid, signal);
}

export function processEnded(pid: number): void {
	tell('process-ended', pid);
}

/** A folder under the system's temporary folder, removed by `removeFolder` or when this process ends. */
export function temporaryFolder(purpose: string): string {
	const folder = mkdtempSync(join(tmpdir(), `stack-backup-${purpose}-`));
	chmodSync(folder, 0o755);
	tell('folder', folder);
	return folder;
}

export function removeFolder(folder: string): void {
	rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
	tell('folder-removed', folder);
}

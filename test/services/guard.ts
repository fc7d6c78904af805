import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, chmodSync, closeSync, constants, mkdtempSync, openSync, rmSync, statfsSync } from 'node:fs';
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

const MEMORY = '/dev/shm';
/** Containers often have 64 MB there, which a test would fill. */
const MEMORY_WANTED = 4 * 2 ** 30;

/**
 * A folder of its own, removed by `removeFolder` or when this process ends. It lies in memory where there is plenty: servers
 * make thousands of small files for a test, and on a disk that costs more than all else that they do. What is removed is
 * gone as it is from a disk, and what a killed process has written is there.
 */
export function temporaryFolder(purpose: string): string {
	return folderIn(hasRoomInMemory() ? MEMORY : tmpdir(), purpose);
}

/** The same under the system's temporary folder, for gigabytes, and where the speed or the abilities of a disk matter. */
export function temporaryFolderOnDisk(purpose: string): string {
	return folderIn(tmpdir(), purpose);
}

/**
 * A folder in memory where that does what servers want of a disk: writes past the system's cache, and attributes of files. Linux
 * has both there since 6.6; before, and where there is little memory, the folder is on a disk.
 */
export function temporaryFolderForServer(purpose: string): string {
	const folder = temporaryFolder(purpose);
	try {
		closeSync(openSync(join(folder, 'direct'), constants.O_CREAT | constants.O_RDWR | constants.O_DIRECT));
		rmSync(join(folder, 'direct'));
		return folder;
	} catch {
		removeFolder(folder);
		return temporaryFolderOnDisk(purpose);
	}
}

function hasRoomInMemory(): boolean {
	try {
		accessSync(MEMORY, constants.W_OK);
		const { bavail, bsize } = statfsSync(MEMORY);
		return bavail * bsize >= MEMORY_WANTED;
	} catch {
		return false;
	}
}

function folderIn(parent: string, purpose: string): string {
	const folder = mkdtempSync(join(parent, `stack-backup-${purpose}-`));
	chmodSync(folder, 0o755);
	tell('folder', folder);
	return folder;
}

export function removeFolder(folder: string): void {
	rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
	tell('folder-removed', folder);
}

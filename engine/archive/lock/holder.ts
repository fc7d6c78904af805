/**
 * Which process holds a lock, described so exactly that another one can know that it is gone. The number of a process alone
 * is not enough: numbers are used again, every container counts from 1, and hosts may have the same name. So a process is known by
 * - the boot of the kernel it runs on (random, and the same in all containers of a machine);
 * - its PID namespace, in which its number means something;
 * - its number there, and when it began, in ticks since the boot (proc_pid_stat(5), field 22).
 * Only a process that shares the first two with it can look for it. The holder is gone where no process has its number, or one
 * that began at another time. Nothing is concluded about any other holder (on another host, in another container, on a system
 * without /proc): a lock is never taken from a run that may be alive.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';

import { z } from 'zod';

export const holderSchema = z.object({
	/** For people. */
	host: z.string(),
	pid: z.number().int(),
	/** Only where the system has it: on Linux. */
	process: z
		.object({
			boot: z.string().min(1),
			namespace: z.string().min(1),
			startedAtTick: z.string().regex(/^\d+$/),
			/** Threads of one process do not see each other's runs. */
			thread: z.number().int(),
		})
		.optional(),
});

/** A process that holds a lock, or did. */
export type Holder = z.infer<typeof holderSchema>;

/** Reads a file or a link below /proc; throws where there is none. */
export type ReadProc = (path: string) => string;

const readProc: ReadProc = (path) =>
	path.endsWith('/ns/pid') ? readlinkSync(path) : readFileSync(path, { encoding: 'utf8' });

/** This process. */
export function thisHolder(read: ReadProc = readProc): Holder {
	const holder = { host: hostname(), pid: process.pid };
	try {
		const { startedAtTick } = statOf('self', read);
		// Where /proc is that of another namespace, numbers mean others there.
		if (statOf(String(process.pid), read).startedAtTick !== startedAtTick) return holder;
		return {
			...holder,
			process: {
				boot: read('/proc/sys/kernel/random/boot_id').trim(),
				namespace: read('/proc/self/ns/pid'),
				startedAtTick,
				thread: threadId,
			},
		};
	} catch {
		return holder;
	}
}

/**
 * Whether the run that took a lock is over for sure, although it did not give the lock back.
 * @param isGoingOn whether this thread itself has that run
 */
export function isGone(
	holder: Holder,
	isGoingOn: boolean,
	{ read = readProc, signal = signalProcess }: { read?: ReadProc; signal?: (pid: number) => void } = {},
): boolean {
	const self = thisHolder(read);
	const [theirs, ours] = [holder.process, self.process];
	if (!theirs || !ours || theirs.boot !== ours.boot || theirs.namespace !== ours.namespace) return false;
	if (holder.pid === self.pid && theirs.startedAtTick === ours.startedAtTick) {
		return theirs.thread === ours.thread && !isGoingOn;
	}
	return isDead(holder.pid, theirs.startedAtTick, read, signal);
}

/** /proc may hide other users' processes, so the kernel is asked first. */
function isDead(pid: number, startedAtTick: string, read: ReadProc, signal: (pid: number) => void): boolean {
	if (pid <= 0) return false;
	try {
		signal(pid);
	} catch (error) {
		// Whoever may not send it a signal at least knows that it is there.
		if ((error as NodeJS.ErrnoException).code === 'ESRCH') return true;
	}
	try {
		const found = statOf(String(pid), read);
		return found.startedAtTick !== startedAtTick || ENDED.includes(found.state);
	} catch {
		return false;
	}
}

function signalProcess(pid: number): void {
	process.kill(pid, 0);
}

/** The process has ended and its parent has not asked for its exit status yet, as happens in containers whose first process is n8n. */
const ENDED = ['Z', 'X', 'x'];

/** The name of the program stands in parentheses, and may hold some. */
function statOf(pid: string, read: ReadProc): { state: string; startedAtTick: string } {
	const text = read(`/proc/${pid}/stat`);
	const fields = text
		.slice(text.lastIndexOf(')') + 2)
		.trim()
		.split(' ');
	// The third field of all is the first here.
	const [state = '', startedAtTick = ''] = [fields[0], fields[22 - 3]];
	if (!/^\d+$/.test(startedAtTick)) throw new Error('It is no stat of a process.');
	return { state, startedAtTick };
}

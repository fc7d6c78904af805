import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The files in which a control group shows its limits and its use of memory, in bytes. */
interface GroupFiles {
	limits: string[];
	usage: string;
	/** Lines of memory.stat that count file pages, which the kernel reclaims when memory is needed. */
	reclaimable: string[];
}

const VERSION_1: GroupFiles = {
	limits: ['memory.limit_in_bytes'],
	usage: 'memory.usage_in_bytes',
	reclaimable: ['total_inactive_file', 'total_active_file'],
};

/** Above memory.high no process is killed, but all processes of the group are slowed down extremely. */
const VERSION_2: GroupFiles = {
	limits: ['memory.max', 'memory.high'],
	usage: 'memory.current',
	reclaimable: ['inactive_file', 'active_file'],
};

/**
 * Bytes of memory that this process and those it starts may still take: what the machine has available, or less, where a
 * container or a service is limited to less. Undefined where the system is not Linux. Node's own
 * process.availableMemory() counts the page cache of a container as used, so reading files soon uses it all up.
 * See the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
 * @param root where /proc and /sys are
 */
export function availableMemory(root = '/'): number | undefined {
	const ofMachine = machineMemory(root);
	if (ofMachine === undefined) return undefined;
	return Math.min(ofMachine, ...groupsOf(root).map(({ folder, files }) => roomOf(folder, files)));
}

function machineMemory(root: string): number | undefined {
	const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec(textOf(join(root, 'proc/meminfo')) ?? '')?.[1];
	return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** The group of this process and the groups above it, as far as they are visible inside a container. */
function groupsOf(root: string): Array<{ folder: string; files: GroupFiles }> {
	const lines = (textOf(join(root, 'proc/self/cgroup')) ?? '')
		.split('\n')
		.map((line) => /^\d+:([^:]*):(.*)$/.exec(line));
	const memory = lines.find((line) => line?.[1]?.split(',').includes('memory'));
	const path = (memory ?? lines.find((line) => line?.[1] === ''))?.[2];
	if (path === undefined) return [];
	const mount = join(root, memory ? 'sys/fs/cgroup/memory' : 'sys/fs/cgroup');
	const files = memory ? VERSION_1 : VERSION_2;
	const groups = [{ folder: mount, files }];
	for (let at = join('/', path); at !== '/'; at = dirname(at)) groups.push({ folder: join(mount, at), files });
	return groups;
}

/** Bytes left in a group; Infinity where it has no limit or is not visible. */
function roomOf(folder: string, { limits, usage, reclaimable }: GroupFiles): number {
	const limit = Math.min(...limits.map((name) => numberIn(textOf(join(folder, name))) ?? Infinity));
	const used = numberIn(textOf(join(folder, usage)));
	if (limit === Infinity || used === undefined) return Infinity;
	const stat = textOf(join(folder, 'memory.stat')) ?? '';
	const cached = reclaimable.map((name) => numberIn(new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)?.[1]) ?? 0);
	return Math.max(0, limit - used + cached.reduce((sum, bytes) => sum + bytes, 0));
}

function numberIn(text: string | undefined): number | undefined {
	return text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : undefined;
}

function textOf(path: string): string | undefined {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return undefined;
	}
}

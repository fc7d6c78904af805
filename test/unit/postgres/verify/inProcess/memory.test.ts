import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { availableMemory } from '../../../../../engine/postgres/verify/inProcess/memory';
import { checkMemory, memoryNeeded } from '../../../../../engine/postgres/verify/inProcess/memoryNeeded';
import { removeFolder, temporaryFolder } from '../../../../services/guard';

const MB = 1_000_000;
let root: string;

beforeEach(() => {
	root = temporaryFolder('memory');
	write({ 'proc/meminfo': 'MemTotal:  9000000 kB\nMemFree:  100 kB\nMemAvailable:    4000000 kB\n' });
});

afterEach(() => {
	removeFolder(root);
});

function write(files: Record<string, string>): void {
	for (const [path, text] of Object.entries(files)) {
		mkdirSync(dirname(join(root, path)), { recursive: true });
		writeFileSync(join(root, path), text);
	}
}

describe('the memory that is available', () => {
	it('is that of the machine where nothing limits it', () => {
		expect(availableMemory(root)).toBe(4_000_000 * 1024);
		write({
			'proc/self/cgroup': '0::/user.slice/n8n.service\n',
			'sys/fs/cgroup/user.slice/n8n.service/memory.max': 'max\n',
			'sys/fs/cgroup/user.slice/n8n.service/memory.current': '123456\n',
		});
		expect(availableMemory(root)).toBe(4_000_000 * 1024);
	});

	it('is what a container has left, the cache of files counted as free', () => {
		write({
			'proc/self/cgroup': '0::/\n',
			'sys/fs/cgroup/memory.max': `${1000 * MB}\n`,
			'sys/fs/cgroup/memory.high': 'max\n',
			'sys/fs/cgroup/memory.current': `${990 * MB}\n`,
			'sys/fs/cgroup/memory.stat': `anon ${400 * MB}\ninactive_file ${500 * MB}\nactive_file ${90 * MB}\n`,
		});
		expect(availableMemory(root)).toBe(600 * MB);
		write({ 'sys/fs/cgroup/memory.high': `${700 * MB}\n` });
		expect(availableMemory(root)).toBe(300 * MB);
		write({ 'sys/fs/cgroup/memory.high': `${100 * MB}\n` });
		expect(availableMemory(root)).toBe(0);
	});

	it('is the least of what the groups around a service have left', () => {
		const group = (path: string, max: number, current: number) =>
			write({
				[`sys/fs/cgroup${path}/memory.max`]: `${max * MB}\n`,
				[`sys/fs/cgroup${path}/memory.current`]: `${current * MB}\n`,
			});
		write({ 'proc/self/cgroup': '0::/apps.slice/n8n.service\n' });
		group('/apps.slice/n8n.service', 2000, 300);
		group('/apps.slice', 2500, 2300);
		expect(availableMemory(root)).toBe(200 * MB);
	});

	it('is read from the first version of control groups as well, whose path a container does not see', () => {
		write({
			'proc/self/cgroup': '12:pids:/docker/abc\n4:memory:/docker/abc\n0::/docker/abc\n',
			'sys/fs/cgroup/memory/memory.limit_in_bytes': `${1000 * MB}\n`,
			'sys/fs/cgroup/memory/memory.usage_in_bytes': `${700 * MB}\n`,
			'sys/fs/cgroup/memory/memory.stat': `cache 5\ntotal_inactive_file ${100 * MB}\ntotal_active_file 0\n`,
		});
		expect(availableMemory(root)).toBe(400 * MB);
		write({ 'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n' });
		expect(availableMemory(root)).toBe(4_000_000 * 1024);
	});

	it('is unknown where the system does not tell', () => {
		rmSync(join(root, 'proc'), { recursive: true });
		expect(availableMemory(root)).toBeUndefined();
	});
});

describe('the memory that a restore needs', () => {
	it('grows with the dump, and leaves something for others', () => {
		expect([1, 20, 100, 300].map((size) => memoryNeeded(size * MB) / MB)).toEqual([347.5, 490, 810, 1510]);
		expect(() => checkMemory(100 * MB, 875 * MB)).not.toThrow();
		expect(() => checkMemory(100 * MB, 873 * MB)).toThrow(/needs 874 MB of memory, and 873 MB are available/);
		expect(() => checkMemory(100 * MB, undefined)).not.toThrow();
	});
});

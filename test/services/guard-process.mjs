/**
 * Runs beside whoever started servers. Its standard input closes when that process ends, however it ends; then it stops
 * what was registered and removes the registered folders. One JSON line a command: [verb, value, signal?].
 */
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const processes = new Map();
const folders = new Set();

for await (const line of createInterface({ input: process.stdin })) {
	const [verb, value, signal] = JSON.parse(line);
	if (verb === 'process') processes.set(value, signal);
	if (verb === 'process-ended') processes.delete(value);
	if (verb === 'folder') folders.add(value);
	if (verb === 'folder-removed') folders.delete(value);
}

function kill(pid, signal) {
	try {
		process.kill(pid, signal);
	} catch {
		// It has ended already.
	}
}

for (const [pid, signal] of processes) kill(pid, signal);
if (processes.size > 0) await sleep(1000);
for (const pid of processes.keys()) kill(-pid, 'SIGKILL');
for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });

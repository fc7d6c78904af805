/**
 * Recovers into a folder, and kills itself right before a step: the n-th call of a function of the file system, such as `rename:7`. Without a
 * step it goes to its end, and says how many there were of each.
 */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

type AnyFunction = (...args: unknown[]) => unknown;

const steps: Record<string, number> = {};
const [root = '', folder = '', killedAt = ''] = process.argv.slice(2);

function counted(name: string, call: AnyFunction): AnyFunction {
	return function (this: unknown, ...args) {
		steps[name] = (steps[name] ?? 0) + 1;
		if (`${name}:${steps[name]}` === killedAt) process.kill(process.pid, 'SIGKILL');
		return call.apply(this, args);
	};
}

async function main(): Promise<void> {
	const handle = await fs.open(process.execPath);
	const ofHandles = Object.getPrototypeOf(handle) as Record<string, AnyFunction>;
	await handle.close();
	for (const name of ['write', 'sync']) ofHandles[name] = counted(name, ofHandles[name]!);
	const all = fs as unknown as Record<string, AnyFunction>;
	for (const name of ['open', 'rename']) all[name] = counted(name, all[name]!);
	syncBuiltinESMExports();
	const { recoverCluster } = await import('../../../../engine/postgres/physical/recover');
	const { FolderStorage } = await import('../../../../engine/storage');
	const { serverAccount } = await import('../../../services/postgres-binaries');
	const options = { storage: new FolderStorage({ root }), target: { type: 'end' }, action: 'promote' } as const;
	await recoverCluster({ ...options, into: { type: 'folder', folder }, owner: serverAccount() });
	process.stdout.write(JSON.stringify(steps));
}

void main();

import { freePort, startProcess, type ServerProcess } from './process';

export interface RedisServer {
	host: '127.0.0.1';
	port: number;
	stop(): Promise<void>;
}

/** Starts Debian's Redis on a free port of 127.0.0.1, for n8n's queue mode. It keeps nothing on a disk. */
export async function startRedis(): Promise<RedisServer> {
	const port = await freePort();
	const server: ServerProcess = await startProcess({
		name: 'Redis',
		command: 'redis-server',
		args: ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no'],
		env: { PATH: process.env['PATH'] },
		cwd: '/',
		ready: (output) => output.includes('Ready to accept connections'),
		readyWithinMs: 60_000,
	});
	return { host: '127.0.0.1', port, stop: () => server.stop() };
}

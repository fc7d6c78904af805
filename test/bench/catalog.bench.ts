/**
 * The catalogue over a link: `npm run bench -- catalog [backups] [milliseconds] [step]`, by default all steps, 20,000 backups in a bucket behind
 * 25 ms a request. Prints requests, seconds and the resident memory at its highest, whole and above that of an empty process, of a process for each step, for lists,
 * drop-downs, finds by id and the latest, with the stored catalogue and without, reports, and a prune of a quarter. Asserts nothing.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

const STEPS = [
	'an empty process',
	'the engine, loaded',
	'list 50, cold',
	'list 50',
	'list all',
	'find by id',
	'latest',
	'report',
	'metrics',
	'status page',
	'status page with retention',
	'dry run',
	'prune',
] as const;

interface Measured {
	seconds: number;
	processorSeconds: number;
	megabytes: number;
	note: string;
}

async function messageOf<T>(child: ChildProcess): Promise<T> {
	return await new Promise((resolve, reject) => {
		const onExit = (code: number | null) => reject(new Error(`It ended with ${code}.`));
		child.once('message', (message) => {
			child.off('exit', onExit);
			resolve(message as T);
		});
		child.once('exit', onExit);
	});
}

async function main(count: number, delay: number, wanted?: string): Promise<void> {
	const server = fork(join(__dirname, 'catalog-server.ts'), [String(delay), String(count)]);
	const { port } = await messageOf<{ port: number }>(server);
	try {
		console.log(`\nThe catalogue, ${count} backups in a bucket behind ${delay} ms a request\n`);
		console.log('| step | requests | seconds | processor seconds | memory (MB) | above an empty process | |');
		console.log('| --- | ---: | ---: | ---: | ---: | ---: | --- |');
		let base = 0;
		for (const step of STEPS) {
			if (wanted !== undefined && step !== wanted && !STEPS.slice(0, 3).includes(step)) continue;
			// Without the hooks that this file is loaded by: what users run is the built package alone.
			const child = fork(join(__dirname, 'catalog-run.mjs'), [String(port), step, String(count)], { execArgv: [] });
			const { seconds, processorSeconds, megabytes, note } = await messageOf<Measured>(child);
			const counted = messageOf<{ requests: number }>(server);
			server.send('count');
			base ||= megabytes;
			const memory = [megabytes.toFixed(0), (megabytes - base).toFixed(0)];
			const figures = [seconds.toFixed(2), processorSeconds.toFixed(2), ...memory];
			console.log(`| ${[step, (await counted).requests, ...figures, note].join(' | ')} |`);
		}
	} finally {
		server.kill();
	}
}

const [count = '20000', delay = '25', wanted] = process.argv.slice(2);
void main(Number(count), Number(delay), wanted);

import { spawn } from 'node:child_process';
import { root } from './setup/paths.mjs';

/** Runs a tool; answers its exit status and what it printed, which would otherwise mix with what the others print. */
function tool(name, ...args) {
	const child = spawn('npx', ['--no-install', name, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
	const output = [];
	child.stdout.on('data', (chunk) => output.push(chunk));
	child.stderr.on('data', (chunk) => output.push(chunk));
	return new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('close', (status) => resolve({ name, status: status ?? 1, output: Buffer.concat(output) }));
	});
}

/** ESLint takes as long as both others together. */
async function formatAndTypes() {
	return [await tool('prettier', '--check', '--log-level=warn', '.'), await tool('tsc', '-p', 'tsconfig.test.json')];
}

const results = await Promise.all([tool('eslint', '--max-warnings=0', '.', 'package.json'), formatAndTypes()]);
for (const { name, status, output } of results.flat()) {
	process.stdout.write(output);
	if (status === 0) continue;
	console.error(`${name} ended with status ${status}.`);
	process.exitCode = 1;
}

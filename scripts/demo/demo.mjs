import { once } from 'node:events';
import { build } from '../build/package.mjs';
import { createAccount } from './account.mjs';
import { createCredentials } from './credentials.mjs';
import { startEnvironment } from './environment.mjs';
import { scenarios } from './scenarios.mjs';
import { importTemplates } from './templates.mjs';

/** Starts everything, runs the scenarios, and leaves the editor open until Ctrl-C; with CI set it ends by itself. */
export async function demo() {
	build();
	console.log('Starting PostgreSQL, Qdrant, an S3 server and n8n ...');
	const environment = await startEnvironment();
	try {
		const { n8n } = environment;
		const credentials = await createCredentials(environment);
		const templates = await importTemplates(n8n, credentials);
		console.log(`Imported ${templates.length} templates, unchanged but for their credentials`);
		const account = createAccount();
		const failures = await play({ ...environment, account, credentials, templates });
		process.exitCode = failures === 0 ? 0 : 1;
		console.log(['', ...account.lines(), ''].join('\n'));
		if (!process.env.CI) await leaveOpen(n8n);
	} finally {
		await environment.stop();
	}
}

async function play(environment) {
	let failures = 0;
	const begun = Date.now();
	for (const { title, run } of scenarios) {
		const started = Date.now();
		try {
			const lines = await run(environment);
			console.log(`\u2714 ${title} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
			for (const line of lines) console.log(`    ${line}`);
		} catch (error) {
			failures += 1;
			console.log(`\u2718 ${title}`);
			console.log(`    ${error.stack ?? error}`);
		}
	}
	const seconds = Math.round((Date.now() - begun) / 1000);
	console.log(`\n${scenarios.length - failures} of ${scenarios.length} scenes went as they should, in ${seconds} s.`);
	return failures;
}

async function leaveOpen(n8n) {
	console.log(`The editor is open at ${n8n.url}`);
	console.log(`  log in as ${n8n.connection.email} with the password ${n8n.connection.password}`);
	console.log('Press Ctrl-C to end the demo; everything it made is removed.');
	const stayAlive = setInterval(() => {}, 60_000);
	await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
	clearInterval(stayAlive);
}

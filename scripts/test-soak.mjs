import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from './setup/paths.mjs';
import { reportOf, runTests } from './test/vitest.mjs';

// Property tests again and again, each round with another seed, for so many minutes (the round that runs then is finished).
const [given = '10', ...wanted] = process.argv.slice(2);
const minutes = Number(given);
const files = ['unit', 'integration']
	.flatMap((project) => propertyTests(join(root, 'test', project)))
	.filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)));
if (!(minutes > 0) || files.length === 0) {
	console.error('Usage: npm run test:soak [minutes] [parts of the names of test files]');
	process.exit(2);
}

const end = Date.now() + minutes * 60_000;
const found = [];
let rounds = 0;
let status = 0;
do {
	const seed = randomInt(2 ** 31);
	rounds += 1;
	console.log(`\nRound ${rounds}, seed ${seed}`);
	rmSync(reportOf('test-soak'), { force: true });
	status = runTests('test-soak', ['unit', 'integration'], files, { env: { ...process.env, TEST_SEED: `${seed}` } });
	if (status !== 0) found.push(...failures(seed));
	// Without a word of any test it was no test that failed, or somebody pressed Ctrl-C.
} while (Date.now() < end && (status === 0 || found.length > 0));

console.log(`\n${rounds} round${rounds === 1 ? '' : 's'}, ${found.length} failed tests`);
for (const { seed, file, test, message } of found) {
	console.log(`\n-- ${file}: ${test}\n${message}\nAgain: TEST_SEED=${seed} npm test -- ${file}`);
}
process.exitCode = found.length > 0 ? 1 : status;

/** The test files below a folder that draw values, relative to the repository. */
function propertyTests(folder) {
	return readdirSync(folder, { recursive: true })
		.filter((file) => file.endsWith('.test.ts'))
		.map((file) => join(folder, file))
		.filter((file) => readFileSync(file, 'utf8').includes('fc.assert('))
		.map((file) => relative(root, file));
}

/** What the report of a round says of tests and files that failed. */
function failures(seed) {
	let report;
	try {
		report = JSON.parse(readFileSync(reportOf('test-soak'), 'utf8'));
	} catch {
		return [];
	}
	return report.testResults.flatMap(({ name, status, message, assertionResults }) => {
		const file = relative(root, name);
		const failed = assertionResults.filter((test) => test.status === 'failed');
		if (status === 'failed' && failed.length === 0) return [{ seed, file, test: 'the file itself', message }];
		return failed.map(({ fullName, failureMessages }) => ({
			seed,
			file,
			test: fullName,
			message: failureMessages.join('\n'),
		}));
	});
}

import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatManifest, parseManifest } from '../../engine/archive/index.ts';
import { execute, outputOf } from './execute.mjs';
import { DOCUMENTS } from './sample-objects.mjs';

export const verifyScenarios = [
	{ title: 'The weekly template restores the newest backups for a test', run: verify },
	{ title: 'A copy of a backup with one flipped bit is found out', run: findOut },
	{ title: 'The monthly drill measures how long a recovery takes, and mails it', run: drill },
];

const MANIFEST = '.manifest.json';
const COPIES = 'copies';

/** Restores collections and buckets for a test on the demo's own servers, as a person would set it in the editor. */
async function restoreAll({ n8n, templates }, file, node) {
	const { id } = templates.find((template) => template.file === file);
	const workflow = await n8n.rest('GET', `/workflows/${id}`);
	const nodes = workflow.nodes.map((one) =>
		one.name === node
			? { ...one, parameters: { ...one.parameters, qdrantTarget: 'server', minioTarget: 'bucket' } }
			: one,
	);
	await n8n.rest('PATCH', `/workflows/${id}`, { ...workflow, nodes });
}

async function weekly(environment) {
	return await execute(environment, 'verify-weekly.json', 'Every Sunday at 05:00');
}

async function verify(environment) {
	await restoreAll(environment, 'verify-weekly.json', 'Test Restore');
	const { passed } = outputOf(await weekly(environment), 'Summary');
	const shop = passed.find(({ key }) => key.startsWith(`postgres/${environment.shop}_2`));
	if (shop?.reached !== 'restore') throw new Error('The backup of the shop was not restored for a test.');
	const bucket = passed.find(({ key }) => key.startsWith(`minio/${DOCUMENTS}_2`));
	if (bucket?.reached !== 'restore') throw new Error('The backup of the bucket was not restored for a test.');
	const restored = passed.filter(({ reached }) => reached === 'restore').length;
	environment.account.note(
		'Restored for a test',
		`${restored} backups, each compared with what it was made from, and removed again`,
	);
	return passed.map(({ key, reached, durationSeconds }) => `${key}: passed, ${reached}, ${durationSeconds} s`);
}

async function findOut(environment) {
	const { backups, shop } = environment;
	const folder = join(backups, 'postgres');
	const manifest = readdirSync(folder).find((file) => file.startsWith(`${shop}_2`) && file.endsWith(MANIFEST));
	const file = manifest.slice(0, -MANIFEST.length);
	const copies = join(backups, COPIES);
	mkdirSync(copies);
	try {
		// A backup of its own: what is found of it says nothing of the good one.
		const own = { ...parseManifest(readFileSync(join(folder, manifest), 'utf8'), manifest), id: randomUUID() };
		writeFileSync(join(copies, manifest), formatManifest(own));
		const bytes = readFileSync(join(folder, file));
		bytes[bytes.length >> 1] ^= 1;
		writeFileSync(join(copies, file), bytes);
		const message = await weekly(environment).then(
			() => undefined,
			(error) => error.message,
		);
		if (!message?.includes(`${COPIES}/${file} (failed)`)) throw new Error(`The flipped bit was not found: ${message}`);
		environment.account.note('One flipped bit', `found in ${bytes.length.toLocaleString('en')} bytes`);
		return [`${bytes.length} bytes, of which the one in the middle differs in a bit`, message];
	} finally {
		rmSync(copies, { recursive: true });
	}
}

async function drill(environment) {
	await restoreAll(environment, 'drill-monthly.json', 'Drill');
	const report = outputOf(await execute(environment, 'drill-monthly.json', 'Every 1st at 06:00'), 'Drill');
	const mail = environment.mail.mails.find(({ content }) => content.includes(report.subject));
	if (!mail) throw new Error('The drill was not mailed.');
	return [`Mailed to ${mail.to}:`, ...report.text.split('\n').filter((line) => line !== '')];
}

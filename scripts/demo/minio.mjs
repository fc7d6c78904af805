import { contentOfBucket, keysOf } from './contents.mjs';
import { execute, outputOf, runNode } from './execute.mjs';
import { DOCUMENTS } from './sample-objects.mjs';

export const minioScenarios = [
	{ title: 'The nightly template backs up all buckets, and the next night only what is new', run: backUp },
	{
		title: 'A contract is overwritten and those of a year are lost: they come back from the newest backup',
		run: restore,
	},
];

const FILE = 'minio-nightly-backup.json';
const OVERWRITTEN = 'contracts/2026/7.txt';
const LOST = 'contracts/2025/';

async function night(environment) {
	return outputOf(await execute(environment, FILE, 'Every Night at 01:00'), 'Summary');
}

async function backUp(environment) {
	const { client } = environment.objects;
	const first = await night(environment);
	await client.putObject(DOCUMENTS, 'contracts/2026/21.txt', 'A contract that came in by day.\n');
	const second = await night(environment);
	const [before, after] = [first, second].map(({ backups }) => backups.find(({ name }) => name === DOCUMENTS));
	if (before?.state !== 'whole' || after?.state !== 'incremental' || after.objects !== before.objects + 1)
		throw new Error(`The nights made ${JSON.stringify([first, second])}.`);
	if (second.verified !== second.backups.length) throw new Error('Not all new backups were verified.');
	return [...first.backups, ...second.backups].map(
		({ file, objects, size, state }) => `${file}: ${objects} objects, ${state}, ${size}, content verified`,
	);
}

async function restore(environment) {
	const { objects, credentials } = environment;
	const before = await contentOfBucket(objects, DOCUMENTS);
	await objects.client.putObject(DOCUMENTS, OVERWRITTEN, 'Oops');
	for (const key of await keysOf(objects.client, DOCUMENTS))
		if (key.startsWith(LOST)) await objects.client.removeObject(DOCUMENTS, key);
	const { s3, backupStorageApi } = credentials;
	const common = {
		operation: 'restore',
		backup: { __rl: true, mode: 'latest', value: DOCUMENTS },
		targetBucket: { __rl: true, mode: 'name', value: DOCUMENTS },
	};
	const restored = async (name, parameters) =>
		await runNode(environment, {
			name,
			type: 'n8n-nodes-stack-backup.minioMirror',
			parameters: { ...common, ...parameters },
			credentials: { s3, backupStorageApi },
		});
	const one = await restored('Restore one object', {
		what: 'entry',
		entry: { __rl: true, mode: 'key', value: OVERWRITTEN },
		existing: 'overwrite',
		confirmation: DOCUMENTS,
	});
	const year = await restored('Restore a prefix', {
		what: 'prefix',
		prefix: { __rl: true, mode: 'prefix', value: LOST },
	});
	if ((await contentOfBucket(objects, DOCUMENTS)) !== before)
		throw new Error('Other objects came back than were there before.');
	return [
		`${OVERWRITTEN}: ${one.overwritten} object overwritten by that of ${one.file}`,
		`${LOST}: ${year.written} objects, ${year.size}, restored in ${year.durationSeconds} s: all documents are as they were`,
	];
}

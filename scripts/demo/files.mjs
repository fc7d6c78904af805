import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contentOfFolder } from './contents.mjs';
import { execute, outputOf, runNode } from './execute.mjs';

export const filesScenarios = [
	{ title: 'The nightly template backs up a folder of documents, and the next night only what is new', run: backUp },
	{ title: 'A folder of contracts is lost, and brought back from the newest backup', run: restore },
];

const FILE = 'files-nightly-backup.json';

/** Chooses the folder, as a person would in the editor. */
async function choose({ n8n, templates, documents }) {
	const { id } = templates.find((template) => template.file === FILE);
	const workflow = await n8n.rest('GET', `/workflows/${id}`);
	const nodes = workflow.nodes.map((one) =>
		one.name === 'Back Up' ? { ...one, parameters: { ...one.parameters, path: documents } } : one,
	);
	await n8n.rest('PATCH', `/workflows/${id}`, { ...workflow, nodes });
}

async function night(environment) {
	const [made] = outputOf(await execute(environment, FILE, 'Every Night at 03:00'), 'Summary').backups;
	return made;
}

async function backUp(environment) {
	await choose(environment);
	const first = await night(environment);
	writeFileSync(join(environment.documents, 'offers', '2026', '41.txt'), 'An offer that came in by day.\n');
	const second = await night(environment);
	if (first.state !== 'whole' || second.state !== 'incremental' || second.files !== first.files + 1)
		throw new Error(`The nights made ${JSON.stringify([first, second])}.`);
	return [first, second].map(({ file, files, size, state }) => `${file}: ${files} files, ${state}, ${size}`);
}

async function restore(environment) {
	const { credentials, documents } = environment;
	const before = contentOfFolder(documents);
	rmSync(join(documents, 'contracts'), { recursive: true });
	const body = await runNode(environment, {
		name: 'Restore a folder',
		type: 'n8n-nodes-stack-backup.filesArchive',
		parameters: {
			operation: 'restore',
			backup: { __rl: true, mode: 'latest', value: 'documents' },
			what: 'prefix',
			prefix: { __rl: true, mode: 'prefix', value: 'contracts/' },
			targetFolder: documents,
		},
		credentials: { backupStorageApi: credentials.backupStorageApi },
	});
	if (contentOfFolder(documents) !== before) throw new Error('Other documents came back than were there before.');
	return [
		`${body.written} entries, ${body.size}, restored in ${body.durationSeconds} s from ${body.file}: all documents are as they were`,
	];
}

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../setup/paths.mjs';

/**
 * Imports every workflows/*.json unchanged but for the credentials, which a person would pick in the editor. Answers
 * [{ file, name, id }].
 */
export async function importTemplates(n8n, credentials) {
	const folder = join(root, 'workflows');
	const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.json')) : [];
	const imported = [];
	for (const file of files.sort()) {
		const workflow = JSON.parse(readFileSync(join(folder, file), 'utf8'));
		const nodes = workflow.nodes.map((node) => ({ ...node, ...pickCredentials(node, credentials) }));
		const id = await n8n.createWorkflow({ ...workflow, nodes });
		imported.push({ file, name: workflow.name, id });
	}
	return imported;
}

/** What a person picks in the editor for each node. */
const NEEDED = {
	'n8n-nodes-stack-backup.filesArchive': ['backupStorageApi'],
	'n8n-nodes-stack-backup.postgresDump': ['postgres', 'backupStorageApi'],
	'n8n-nodes-stack-backup.pruneRetention': ['backupStorageApi'],
	'n8n-nodes-base.emailSend': ['smtp'],
	'n8n-nodes-stack-backup.qdrantSnapshot': ['qdrantApi', 'backupStorageApi'],
	'n8n-nodes-stack-backup.verifyArchive': ['postgres', 'qdrantApi', 'backupStorageApi'],
};

function pickCredentials({ type }, credentials) {
	const needed = NEEDED[type];
	return needed ? { credentials: Object.fromEntries(needed.map((name) => [name, credentials[name]])) } : {};
}

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../setup/paths.mjs';

/**
 * Imports every workflows/*.json unchanged but for the credentials and the addresses of mails, which a person would give in the editor. Answers
 * [{ file, name, id }].
 */
export async function importTemplates(n8n, credentials) {
	const folder = join(root, 'workflows');
	const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.json')) : [];
	const imported = [];
	for (const file of files.sort()) {
		const workflow = JSON.parse(readFileSync(join(folder, file), 'utf8'));
		const nodes = workflow.nodes.map((node) => ({ ...withAddresses(node), ...pickCredentials(node, credentials) }));
		const id = await n8n.createWorkflow({ ...workflow, nodes });
		imported.push({ file, name: workflow.name, id });
	}
	return imported;
}

/** Whom mails are from and to, which a person writes into the node Settings. */
const ADDRESSES = { mailFrom: 'n8n@example.com', mailTo: 'admin@example.com' };

function withAddresses(node) {
	if (node.name !== 'Settings') return node;
	const assignments = node.parameters.assignments.assignments.map((field) => ({
		...field,
		value: field.value === '' ? (ADDRESSES[field.name] ?? '') : field.value,
	}));
	return { ...node, parameters: { ...node.parameters, assignments: { assignments } } };
}

/** What a person picks in the editor for each node. */
const NEEDED = {
	'n8n-nodes-stack-backup.backupCopy': ['backupStorageApi', 'backupStorageSecondApi'],
	'n8n-nodes-stack-backup.backupReport': ['backupStorageApi'],
	'n8n-nodes-stack-backup.filesArchive': ['backupStorageApi'],
	'n8n-nodes-stack-backup.minioMirror': ['s3', 'backupStorageApi'],
	'n8n-nodes-stack-backup.n8nExport': ['n8nApi', 'backupStorageApi'],
	'n8n-nodes-stack-backup.postgresDump': ['postgres', 'backupStorageApi'],
	'n8n-nodes-stack-backup.postgresPitr': ['postgres', 'backupStorageApi'],
	'n8n-nodes-stack-backup.postgresWalTrigger': ['postgres', 'backupStorageApi'],
	'n8n-nodes-stack-backup.pruneRetention': ['backupStorageApi'],
	'n8n-nodes-base.emailSend': ['smtp'],
	'n8n-nodes-stack-backup.qdrantSnapshot': ['qdrantApi', 'backupStorageApi'],
	'n8n-nodes-stack-backup.verifyArchive': ['postgres', 'qdrantApi', 's3', 'backupStorageApi'],
};

/** A whole instance needs no API, and is never stored unencrypted. */
const NEEDED_BY_INSTANCE = ['backupStorageApi', 'backupEncryptionApi'];

function pickCredentials({ type, parameters }, credentials) {
	const needed = parameters.resource === 'instance' ? NEEDED_BY_INSTANCE : NEEDED[type];
	return needed ? { credentials: Object.fromEntries(needed.map((name) => [name, credentials[name]])) } : {};
}

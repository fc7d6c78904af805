import { join } from 'node:path';
import { startN8n } from '../../test/services/n8n.ts';
import { execute, outputOf, runNode } from './execute.mjs';

export const instanceScenarios = [
	{
		title: 'The nightly template backs up this n8n, and a second one starts from the backup',
		run: backUpAndStart,
	},
];

const FILE = 'n8n-nightly-instance-backup.json';
const DATABASE = 'n8n_restored';

async function backUpAndStart(environment) {
	const { n8n, postgres, credentials } = environment;
	const [made] = outputOf(await execute(environment, FILE, 'Every Night at 02:30'), 'Summary').backups;
	const targetFolder = join(n8n.connection.filesFolder, 'restored-n8n');
	const { backupStorageApi, backupEncryptionApi } = credentials;
	const restored = await runNode(environment, {
		name: 'Restore this n8n',
		type: 'n8n-nodes-stack-backup.n8nExport',
		parameters: {
			resource: 'instance',
			operation: 'restoreInstance',
			backup: { __rl: true, mode: 'latest', value: made.name },
			targetFolder,
			intoPostgres: true,
			newDatabase: DATABASE,
		},
		credentials: { backupStorageApi, backupEncryptionApi, postgres: credentials.postgres },
	});
	const { host, port, user, password } = postgres;
	const database = { host, port, user, password, database: DATABASE };
	const second = await startN8n({ userFolder: targetFolder, database, restored: true });
	try {
		const [before, after] = [await namesIn(n8n), await namesIn(second)];
		const isThere = environment.templates.every(({ name }) => before.includes(name) && after.includes(name));
		if (!isThere) throw new Error(`The second n8n has the workflows ${after.join(', ')}.`);
		environment.account.note(
			'A second n8n',
			`runs on the backup of this one: ${after.length} workflows, ${made.rows.toLocaleString('en')} rows`,
		);
		return [
			`${made.file}: n8n ${restored.n8nVersion}, ${made.rows} rows, ${made.size}, ${made.state}`,
			`A second n8n runs on it: its owner has logged in and found ${after.length} workflows`,
		];
	} finally {
		await second.stop();
	}
}

async function namesIn(n8n) {
	const { data } = await n8n.publicApi('GET', '/workflows?limit=250');
	return data.map(({ name }) => name);
}

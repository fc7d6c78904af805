import { runNode } from './execute.mjs';

export const checkSetupScenarios = [
	{ title: 'A role that may not back up is told what it lacks, statement by statement', run: checkSetup },
];

const STATEMENTS_AT_MOST = 20;

async function checkSetup(environment) {
	const { n8n, postgres, shop, credentials } = environment;
	await postgres.query('postgres', "CREATE ROLE backup LOGIN PASSWORD 'demo'");
	const { host, port } = postgres;
	const data = { host, port, user: 'backup', password: 'demo', database: shop, ssl: 'disable', sshTunnel: false };
	const role = await n8n.createCredential('Role for backups', 'postgres', data);
	const name = 'Check the Setup';
	let finding = await runNode(environment, {
		name,
		type: 'n8n-nodes-stack-backup.postgresDump',
		parameters: { operation: 'checkSetup', checkFor: ['backup'] },
		credentials: { postgres: role, backupStorageApi: credentials.backupStorageApi },
	});
	const lines = [];
	while (finding.level === 'problem') {
		if (lines.length === STATEMENTS_AT_MOST) throw new Error(`It is not enough: ${finding.what}`);
		lines.push(`${finding.what} ${finding.remedy.split('\n')[0]}`);
		await postgres.query(shop, finding.remedy);
		// The gravest finding comes first.
		finding = (await n8n.webhook(name.toLowerCase().replaceAll(' ', '-'), {})).body;
	}
	if (lines.length === 0) throw new Error('The role lacked nothing.');
	return [...lines, 'Each statement was run, and nothing is left that would make a backup fail.'];
}

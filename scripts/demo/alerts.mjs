import { execute, itemsOf, runNode } from './execute.mjs';

export const alertScenarios = [
	{ title: 'A backup fails: the alert is mailed once, and the all-clear when it went well', run: alert },
];

const ALERT = 1;

async function alert(environment) {
	const { credentials, n8n, postgres, shop } = environment;
	// What there is to tell already is none of this scene.
	await check(environment);
	const { host, port, user } = postgres;
	const wrong = { host, port, user, password: 'of yesterday', database: shop, ssl: 'disable', sshTunnel: false };
	const old = await n8n.createCredential('Shop database, old password', 'postgres', wrong);
	const failure = await backUp(environment, 'Back Up With the Old Password', old).catch((error) => error);
	if (!(failure instanceof Error)) throw new Error('An old password was good enough.');
	const told = await check(environment);
	if (!told?.includes('1 new problem')) throw new Error(`The alert is "${told}".`);
	const again = await check(environment);
	if (again !== undefined) throw new Error(`It was told once more: "${again}".`);
	await backUp(environment, 'Back Up With the New Password', credentials.postgres);
	const over = await check(environment);
	if (!over?.includes('1 is over')) throw new Error(`The all-clear is "${over}".`);
	return [
		`With the password of yesterday, mailed: "${told}"`,
		'The next check has nothing new to tell',
		`With that of today: "${over}"`,
	];
}

/** Runs the template; answers the subject of the mail, undefined where there is nothing to tell. */
async function check(environment) {
	const execution = await execute(environment, 'report-alerts.json', 'Every Hour');
	const [item] = itemsOf(execution, 'Check Alerts', ALERT);
	if (!item) return undefined;
	const { mails } = environment.mail;
	if (!mails.some(({ content }) => content.includes(item.subject.slice(0, 40))))
		throw new Error('No alert was mailed.');
	return item.subject;
}

async function backUp(environment, name, postgres) {
	const { backupStorageApi } = environment.credentials;
	return await runNode(environment, {
		name,
		type: 'n8n-nodes-stack-backup.postgresDump',
		parameters: { operation: 'backUp', databaseMode: 'chosen', databases: [environment.shop] },
		credentials: { postgres, backupStorageApi },
	});
}

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { execute, itemsOf, outputOf, runNode } from './execute.mjs';

export const copyScenarios = [
	{ title: 'The nightly off-site copy brings every backup to a bucket, and compares', run: copy },
	{ title: 'The folder of the backups is lost: the shop restores from the bucket', run: restore },
	{ title: 'Everything comes back from the bucket, to the byte', run: comeBack },
];

/** The first output of Backup Copy. */
const FINE = 0;
const lostFolder = (backups) => `${backups}-lost`;

async function copy(environment) {
	await environment.objects.createBucket(environment.offsite.bucket);
	const execution = await execute(environment, 'copy-nightly-offsite.json', 'Every Night at 03:30');
	const copied = itemsOf(execution, 'Copy New Ones', FINE).filter(({ outcome }) => outcome === 'copied');
	const compared = itemsOf(execution, 'Compare', FINE);
	if (copied.length === 0) throw new Error('Nothing was copied.');
	if (compared.some(({ outcome }) => outcome !== 'same')) throw new Error('The two storages are not the same.');
	const bytes = copied.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
	environment.account.note(
		'Copied off-site',
		`${copied.length} archives, ${(bytes / 1e6).toFixed(1)} MB, compared by their SHA-256`,
	);
	return [
		`${copied.length} archives copied off-site, ${(bytes / 1e6).toFixed(1)} MB, each compared with its SHA-256`,
		`${compared.length} backups compared: all the same`,
	];
}

/** From the copy itself: nothing is brought back before. */
async function restore(environment) {
	const { backups, credentials, n8n, postgres, shop } = environment;
	renameSync(backups, lostFolder(backups));
	const backupStorageApi = await n8n.createCredential('Off-site bucket', 'backupStorageApi', environment.offsite);
	const restored = `${shop}_from_offsite`;
	const parameters = {
		operation: 'restore',
		source: 'storage',
		backup: { __rl: true, mode: 'latest', value: shop },
		target: 'newDatabase',
		targetDatabase: restored,
	};
	const all = { postgres: credentials.postgres, backupStorageApi };
	const type = 'n8n-nodes-stack-backup.postgresDump';
	const item = await runNode(environment, { name: 'Restore From Off-Site', type, parameters, credentials: all });
	const { rows } = await postgres.query(restored, 'SELECT count(*)::int AS count FROM orders');
	if (!(rows[0].count > 0)) throw new Error('No orders came back.');
	return [`${restored}: ${rows[0].count} orders, ${item.rows} rows, from the bucket`];
}

async function comeBack(environment) {
	const { backups, credentials } = environment;
	const { backupStorageApi, backupStorageSecondApi } = credentials;
	await runNode(environment, {
		name: 'Bring Backups Back',
		type: 'n8n-nodes-stack-backup.backupCopy',
		parameters: { operation: 'copyBackups', direction: 'fromSecond', which: 'all' },
		credentials: { backupStorageApi, backupStorageSecondApi },
	});
	const lost = archivesIn(lostFolder(backups));
	const back = archivesIn(backups);
	for (const [file, sha256] of lost) if (back.get(file) !== sha256) throw new Error(`${file} is not what was lost.`);
	// What verifications found lay in the folder, too: the copy has the backups.
	const { passed } = outputOf(await execute(environment, 'verify-weekly.json', 'Every Sunday at 05:00'), 'Summary');
	return [
		`${lost.size} archives of PostgreSQL are there again, the SHA-256 of each as it was`,
		`${passed.length} backups verified again: all passed`,
	];
}

function archivesIn(backups) {
	const folder = join(backups, 'postgres');
	const files = readdirSync(folder).filter((file) => file.endsWith('.manifest.json'));
	const archives = files.map((file) => file.slice(0, -'.manifest.json'.length));
	return new Map(archives.map((file) => [file, sha256(join(folder, file))]));
}

function sha256(path) {
	return createHash('sha256').update(readFileSync(path)).digest('hex');
}

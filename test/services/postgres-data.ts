import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { removeFolder, temporaryFolder } from './guard';
import { postgresProgram, serverAccount, type PostgresVersion } from './postgres-binaries';

const run = promisify(execFile);

export const SUPERUSER = 'postgres';

/** Names the folder with the prepared data of a version, for this process and those that it starts. */
const variableOf = (version: PostgresVersion) => `STACK_BACKUP_POSTGRES_${version}_DATA`;

/**
 * Makes an empty data folder for a version, which `makeData` copies from now on, in this process and in those that it starts:
 * a copy takes half of initdb's time. Answers what removes it again. Servers of such copies share PostgreSQL's system
 * identifier and the superuser's password.
 */
export async function prepareData(version: PostgresVersion): Promise<() => void> {
	const variable = variableOf(version);
	if (process.env[variable]) return () => {};
	const folder = temporaryFolder(`postgres-${version}-data`);
	giveToServer(folder);
	const password = await initialise(version, folder);
	writeFileSync(join(folder, 'password'), password, { mode: 0o600 });
	process.env[variable] = folder;
	return () => {
		delete process.env[variable];
		removeFolder(folder);
	};
}

/** Keeps the data of a server that has ended, for servers that are to start with them (`prepared` of `startPostgres`). */
export async function keepData(server: { dataDir: string; password: string }, folder: string): Promise<void> {
	giveToServer(folder);
	await run('cp', ['-a', server.dataDir, join(folder, 'data')]);
	writeFileSync(join(folder, 'password'), server.password, { mode: 0o600 });
}

/**
 * Makes the data of a server as `data` in this folder, a copy of prepared ones or empty; answers the password of its
 * superuser.
 */
export async function makeData(
	version: PostgresVersion,
	folder: string,
	prepared = process.env[variableOf(version)],
): Promise<string> {
	giveToServer(folder);
	if (!prepared) return await initialise(version, folder);
	await run('cp', ['-a', join(prepared, 'data'), folder]);
	return readFileSync(join(prepared, 'password'), 'utf8');
}

/** Makes files and folders those of the account that servers run as. */
export function giveToServer(...paths: string[]): void {
	const account = serverAccount();
	if (account) for (const path of paths) chownSync(path, account.uid, account.gid);
}

async function initialise(version: PostgresVersion, folder: string): Promise<string> {
	const password = randomBytes(12).toString('hex');
	const dataDir = join(folder, 'data');
	const passwordFile = join(folder, 'password-of-initdb');
	mkdirSync(dataDir, { mode: 0o700 });
	writeFileSync(passwordFile, `${password}\n`);
	chmodSync(passwordFile, 0o600);
	giveToServer(dataDir, passwordFile);
	await run(
		postgresProgram(version, 'initdb'),
		[
			`--pgdata=${dataDir}`,
			`--username=${SUPERUSER}`,
			`--pwfile=${passwordFile}`,
			'--auth=scram-sha-256',
			'--encoding=UTF8',
			'--locale=C',
			'--no-sync',
			...(version >= 16 ? ['--set=scram_iterations=1'] : []),
		],
		{ ...serverAccount(), cwd: folder, env: { LC_ALL: 'C', TZ: 'UTC' } },
	);
	rmSync(passwordFile);
	return password;
}

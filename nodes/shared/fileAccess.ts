import { realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';

import type { FileSystemHelperFunctions } from 'n8n-workflow';

import { BackupError, type ForbiddenPaths, messageOf, ownDatabaseFiles } from '../../engine';

/** Says where a folder really is, symbolic links followed, if n8n's settings let nodes use it. */
export interface FileAccess {
	/** @throws BackupError INVALID_INPUT (not an absolute path), STORAGE_DENIED (n8n's settings forbid it) */
	allowedFolder(path: string): Promise<string>;
}

type Guards = Pick<FileSystemHelperFunctions, 'resolvePath' | 'isFilePathBlocked'>;

/** n8n's own guards, which a running node is given; where they refuse, the message names the settings. */
export function guardedByN8n(helpers: Guards, settings: NodeJS.ProcessEnv = process.env): FileAccess {
	return {
		async allowedFolder(path) {
			const resolved = await resolveFolder(path, (existing) => helpers.resolvePath(existing));
			const blocked = helpers.isFilePathBlocked(resolved as Awaited<ReturnType<Guards['resolvePath']>>);
			if (blocked) throw denied(path, resolved, settings);
			return resolved;
		},
	};
}

/**
 * What n8n keeps nodes away from in a folder that they may use: a backup leaves it out, a restore does not write it. Its own folder,
 * for instance, may lie in one that is allowed. And what nobody may open in n8n's process, whatever its settings allow: its database.
 */
export function forbiddenByN8n(helpers: Guards): ForbiddenPaths {
	const database = new Set(ownDatabaseFiles());
	return {
		has: (file) => database.has(file) || helpers.isFilePathBlocked(file as Awaited<ReturnType<Guards['resolvePath']>>),
		because:
			'n8n keeps nodes away from its own folder, and from what the environment variable N8N_BLOCK_FILE_PATTERNS names. Its own SQLite database is left alone in any case, for reading it here would end the locks that n8n has on it: Back Up Instance of the node n8n Export stores it.',
	};
}

/** The same rules, read from n8n's settings: drop-downs and credential tests are not given n8n's guards. */
export function guardedBySettings(settings: NodeJS.ProcessEnv = process.env): FileAccess {
	return {
		async allowedFolder(path) {
			const resolved = await resolveFolder(path, realpath);
			if (isOwn(resolved, settings) || !isAllowed(resolved, settings)) throw denied(path, resolved, settings);
			return resolved;
		},
	};
}

/** Resolves the part of a path that exists; a storage's folder may still have to be made. */
async function resolveFolder(path: string, follow: (existing: string) => Promise<string>): Promise<string> {
	if (!isAbsolute(path)) throw notAbsolute(path);
	const missing: string[] = [];
	for (let existing = resolve(path); ; existing = dirname(existing)) {
		try {
			return join(await follow(existing), ...missing);
		} catch (error) {
			const { code } = error as NodeJS.ErrnoException;
			if (code !== 'ENOENT' || existing === dirname(existing)) throw unreadable(path, error);
			missing.unshift(basename(existing));
		}
	}
}

/** n8n keeps its database and its keys there. */
function isOwn(folder: string, settings: NodeJS.ProcessEnv): boolean {
	if (settings['N8N_BLOCK_FILE_ACCESS_TO_N8N_FILES'] === 'false') return false;
	return contains(join(settings['N8N_USER_FOLDER'] ?? homedir(), '.n8n'), folder);
}

function isAllowed(folder: string, settings: NodeJS.ProcessEnv): boolean {
	const allowed = allowedBy(settings);
	return allowed.length === 0 || allowed.some((entry) => contains(entry, folder));
}

/** The folders that nodes may use with what lies in them; none where the setting is empty, which allows all. */
function allowedBy(settings: NodeJS.ProcessEnv): string[] {
	return (settings['N8N_RESTRICT_FILE_ACCESS_TO'] ?? '~/.n8n-files')
		.split(';')
		.map((entry) => entry.trim().replace(/^~/, homedir()))
		.filter((entry) => entry !== '');
}

function contains(parent: string, child: string): boolean {
	const base = resolve(parent);
	return child === base || child.startsWith(base.endsWith(sep) ? base : base + sep);
}

function notAbsolute(path: string): BackupError {
	return new BackupError('INVALID_INPUT', `${JSON.stringify(path)} is not an absolute path.`, {
		hint: 'Give the whole path, beginning with a slash and without ~, such as /home/node/.n8n-files/backups.',
	});
}

function denied(path: string, resolved: string, settings: NodeJS.ProcessEnv): BackupError {
	const really = resolved === resolve(path) ? '' : `, which leads to ${resolved}`;
	const message = `n8n does not let nodes use the folder ${path}${really}.`;
	return new BackupError('STORAGE_DENIED', message, { hint: whatIsAllowed(resolved, settings) });
}

function whatIsAllowed(resolved: string, settings: NodeJS.ProcessEnv): string {
	const allowed = allowedBy(settings).join(' or ');
	if (isOwn(resolved, settings)) {
		const instead = allowed === '' ? 'another folder' : `one in ${allowed}`;
		return `n8n keeps its database and its keys there: choose ${instead}.`;
	}
	if (isAllowed(resolved, settings)) {
		return 'The environment variable N8N_BLOCK_FILE_PATTERNS keeps nodes away from it: choose another folder, or change that and restart n8n.';
	}
	return `Nodes may use ${allowed}, and the folders in there: choose one of these, or add yours to the environment variable N8N_RESTRICT_FILE_ACCESS_TO, separated by a semicolon, and restart n8n.`;
}

function unreadable(path: string, cause: unknown): BackupError {
	return new BackupError('STORAGE_DENIED', `n8n cannot look into the folder ${path}: ${messageOf(cause)}`, {
		cause,
		hint: 'Give the user that n8n runs as the right to read and write there (in a container: uid 1000, node).',
	});
}

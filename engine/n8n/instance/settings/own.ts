/** The settings of the n8n that this process is, once its administrator has allowed nodes to read them. */
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';

import { BackupError } from '../../../errors';
import type { Surroundings } from './environment';
import { databaseFile, readSettings, type InstanceSettings } from './settings';

/** The variable by which an administrator allows it. */
export const ALLOW_INSTANCE = 'N8N_STACK_BACKUP_ALLOW_INSTANCE';

/**
 * As it stood when n8n loaded its nodes, before any workflow ran. Where expressions may see the environment (N8N_BLOCK_ENV_ACCESS_IN_NODE is
 * false), n8n gives them that of the process itself: one of them could set the variable.
 */
const AT_START = { [ALLOW_INSTANCE]: process.env[ALLOW_INSTANCE] };

/**
 * n8n keeps its environment, its folder and its database from nodes; a backup of the instance reads all three. So the administrator has to
 * say so, in a place that no workflow can change.
 * @throws BackupError ACCESS_DENIED
 */
export function assertInstanceAllowed(env: Surroundings['env']): void {
	const value = env[ALLOW_INSTANCE]?.trim().toLowerCase();
	if (value === 'true' || value === '1') return;
	throw new BackupError('ACCESS_DENIED', 'Backing up the instance is not allowed on this n8n.', {
		hint: `Set ${ALLOW_INSTANCE}=true in the environment of n8n, on workers as well, and restart it. This lets whoever may edit workflows store a copy of n8n’s whole database and of its encryption key, so of all credentials, encrypted with a Backup Encryption credential of their choice.`,
	});
}

/** @param version of this n8n @throws BackupError ACCESS_DENIED, and what readSettings throws */
export function ownSettings(version: string): InstanceSettings {
	assertInstanceAllowed(AT_START);
	return readSettings({ env: process.env, readText, namesIn }, version);
}

/**
 * The files of the SQLite database of the n8n that this process is, links followed; none where it has another one. Whoever opens and closes one of
 * them in this process ends the locks that n8n has on it (sqlite/child.ts), so nobody needs leave to be told to keep away.
 */
export function ownDatabaseFiles(): string[] {
	let file: string | undefined;
	try {
		file = databaseFile({ env: process.env, readText, namesIn });
	} catch {
		// A setting that cannot be read: n8n itself would not have started.
	}
	if (file === undefined) return [];
	const folder = path.dirname(file);
	const real = path.join(realOf(folder), path.basename(file));
	return [...new Set([file, real, realOf(file)])].flatMap((one) => [one, `${one}-wal`, `${one}-shm`, `${one}-journal`]);
}

function realOf(file: string): string {
	try {
		return realpathSync(file);
	} catch {
		return file;
	}
}

/** None of the files that are read here is the database: see sqlite/child.ts. */
function readText(file: string): string | undefined {
	try {
		return readFileSync(file, 'utf8');
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
		throw error;
	}
}

function namesIn(folder: string): string[] | undefined {
	try {
		return readdirSync(folder);
	} catch {
		return undefined;
	}
}

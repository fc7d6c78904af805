/**
 * One variable of n8n's environment, as n8n reads it (`@n8n/config`, `decorators.ts`, 2.41): a variable that is set wins over its `_FILE`
 * form even where it is empty; a file's text is trimmed; quotes around a value go.
 */
import { BackupError, messageOf } from '../../../errors';

/** What the settings are read from: a process's own environment, and the files that it names. */
export interface Surroundings {
	env: Readonly<Record<string, string | undefined>>;
	/** The text of a small file; undefined where there is none. Throws what the file system does. */
	readText: (file: string) => string | undefined;
	/** What lies in a folder; undefined where there is none. */
	namesIn: (folder: string) => readonly string[] | undefined;
}

/** @throws BackupError INVALID_INPUT for a file that cannot be read */
export function variable({ env, readText }: Surroundings, name: string): string | undefined {
	const value = env[name];
	if (value !== undefined) return plain(value);
	const file = env[`${name}_FILE`];
	if (!file) return undefined;
	let text: string | undefined;
	try {
		text = readText(file);
	} catch (error) {
		throw unreadable(name, file, messageOf(error), error);
	}
	if (text === undefined) throw unreadable(name, file, 'it does not exist');
	return plain(text);
}

/** Of a variable that is empty, the default, as of one that is not set. @throws BackupError INVALID_INPUT */
export function filled(surroundings: Surroundings, name: string, usual: string): string {
	return variable(surroundings, name) || usual;
}

/** n8n warns of another value and takes the default. @throws BackupError INVALID_INPUT */
export function yesNo(surroundings: Surroundings, name: string, usual: boolean): boolean {
	const value = variable(surroundings, name)?.toLowerCase();
	if (value === 'true' || value === '1') return true;
	if (value === 'false' || value === '0') return false;
	return usual;
}

function plain(value: string): string {
	return value.trim().replace(/^(['"])(.*)\1$/, '$2');
}

function unreadable(name: string, file: string, why: string, cause?: unknown): BackupError {
	return new BackupError('INVALID_INPUT', `${name}_FILE names ${file}, which cannot be read: ${why}.`, {
		cause,
		hint: 'n8n itself reads its settings from there: check the path, the mount and the rights.',
	});
}

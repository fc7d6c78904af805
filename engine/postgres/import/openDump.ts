import { decryptMessage, type DecryptionKeys } from '../../archive';
import { BackupError } from '../../errors';
import { detectDump, type DetectedDump } from '../foreign';
import type { RestoreSource } from '../restore';

import { holdsSomething } from './chooseDatabase';
import { CustomSource } from './customSource';
import { type OpenScript, PlainScript } from './plainScript';
import { PlainSource } from './plainSource';

/** A file that somebody else's pg_dump wrote. */
export interface ForeignDump {
	/** For messages. */
	name: string;
	/** Opens the file from its first byte. Most restores read it more than once. */
	open: (signal?: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;
	/** For files encrypted with gpg. */
	keys?: DecryptionKeys;
	/** Refuses a file that is not encrypted: whoever holds the storage could have put it there. Default false. */
	mustBeEncrypted?: boolean;
}

/**
 * What the file is, by its content.
 * @throws BackupError NOT_AUTHENTIC, and as detectDump does
 */
export async function detectForeign(dump: ForeignDump, signal?: AbortSignal): Promise<DetectedDump> {
	const { name, open, keys, mustBeEncrypted = false } = dump;
	const detected = await detectDump(await open(signal), {
		signal,
		decrypt: keys && ((message) => decryptMessage(message, keys)),
	});
	if (!mustBeEncrypted || detected.wrappers.includes('openpgp')) return detected;
	await detected.stream[Symbol.asyncIterator]().return?.();
	throw new BackupError('NOT_AUTHENTIC', `${name} is not encrypted, and Require Encryption is on.`, {
		hint: 'If it was made without encryption, switch Require Encryption off, or select no encryption credential.',
	});
}

async function opened(
	dump: ForeignDump,
	signal?: AbortSignal,
): Promise<{ format: 'custom' | 'plain'; open: OpenScript }> {
	const { format, stream } = await detectForeign(dump, signal);
	await stream[Symbol.asyncIterator]().return?.();
	return { format, open: async (later) => (await detectForeign(dump, later)).stream };
}

/**
 * Recognises a dump by its content and makes it a source for restoreDatabase: plain SQL or pg_dump's custom format,
 * as it is or wrapped in gzip, zstd or OpenPGP.
 * @param database which one of a dump of a whole server; undefined for the only one that holds something
 * @throws BackupError INVALID_INPUT for what is no such dump, with what to do instead; KEY_MISSING, KEY_WRONG.
 */
export async function openForeignDump(
	dump: ForeignDump,
	{ database, signal }: { database?: string; signal?: AbortSignal } = {},
): Promise<RestoreSource> {
	const { format, open } = await opened(dump, signal);
	if (format === 'custom') return new CustomSource(dump.name, open);
	return new PlainSource(new PlainScript(dump.name, open), database);
}

/**
 * As openForeignDump, for a script with several databases.
 * @throws BackupError INVALID_INPUT for pg_dump's custom format, which never holds more than one
 */
export async function openForeignScript(dump: ForeignDump, signal?: AbortSignal): Promise<PlainScript> {
	const { format, open } = await opened(dump, signal);
	if (format === 'plain') return new PlainScript(dump.name, open);
	throw new BackupError('INVALID_INPUT', `${dump.name} is in pg_dump’s custom format, which holds a single database.`, {
		hint: 'Set Contents to One Database. Roles and globals are in dumps of pg_dumpall, which are plain scripts.',
	});
}

/**
 * A source for each database in a dump that holds something: a script of pg_dumpall may hold several, or none but roles.
 * @throws BackupError as openForeignDump and the look through a script do
 */
export async function openForeignDatabases(dump: ForeignDump, signal?: AbortSignal): Promise<RestoreSource[]> {
	const { format, open } = await opened(dump, signal);
	if (format === 'custom') return [new CustomSource(dump.name, open)];
	const script = new PlainScript(dump.name, open);
	const { databases } = await script.inspect(signal);
	if (databases.length === 1) return [new PlainSource(script)];
	return databases.filter(holdsSomething).map(({ name }) => new PlainSource(script, name));
}

/**
 * Restores an instance: into a folder that a stock n8n starts from, never into one that runs. All is made under another name, in the same
 * folder, proved, and gets its name `.n8n` at the very end.
 */
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

import { timestamp, type ArchiveReader } from '../../archive';
import { BackupError, cancelled, messageOf, throwIfCancelled } from '../../errors';
import { freeBytesAt, realPathOf, syncFolder } from '../../storage/folder-paths';
import { noRoom } from '../../tree/folder';
import { problemsOf } from './checkDatabase';
import { tryKey } from './facts';
import { damaged, readDatabase, type InstanceContent } from './readInstance';

export interface PrepareFolderOptions {
	reader: ArchiveReader;
	content: InstanceContent;
	/** Absolute; empty, or not there yet. It becomes the N8N_USER_FOLDER of the new n8n. */
	folder: string;
	/** The `.n8n` of the n8n that runs, which is never written to. */
	running?: string | undefined;
	signal?: AbortSignal | undefined;
	log?: ((line: string) => void) | undefined;
	/** Puts more into what becomes `.n8n`, and fills the database where it is a server's: all that may still fail. */
	complete?: (draft: string) => Promise<void>;
}

/** What a folder is called that is being filled. One that is there afterwards is of a restore that was killed. */
const DRAFT = '.n8n_restoring_';

/** What is there after a `mkfs`, and in no one's way. */
const HARMLESS = new Set(['lost+found']);

/**
 * @throws BackupError INVALID_INPUT, TARGET_EXISTS (the folder is not empty), TARGET_FAILED, ARCHIVE_CORRUPT (what comes out is not what was
 * stored), KEY_WRONG, CANCELLED, what the reader and `complete` throw
 */
export async function prepareFolder(options: PrepareFolderOptions): Promise<void> {
	const { content, folder, signal, log, complete } = options;
	const { document, config } = content;
	throwIfCancelled(signal);
	if (document.probe && tryKey(config.encryptionKey, document.probe) === 'wrong') throw sealedOtherwise();
	const wasThere = await assertUsable(options);
	await assertRoom(options);
	const draft = path.join(folder, `${DRAFT}${timestamp(new Date())}_${randomBytes(3).toString('hex')}`);
	try {
		await mkdir(draft, { recursive: true, mode: 0o700 });
		await put(path.join(draft, 'config'), JSON.stringify(config, null, '\t'));
		await mkdir(path.join(draft, 'nodes'), { mode: 0o700 });
		await put(path.join(draft, 'nodes', 'package.json'), content.packages);
		if (document.source.database.type === 'sqlite') {
			log?.('Writing the database');
			await restoreDatabaseFile(path.join(draft, 'database.sqlite'), options);
		}
		throwIfCancelled(signal);
		await complete?.(draft);
		// The names of what is in it reach the disk before its own does.
		await syncFolder(path.join(draft, 'nodes'));
		await syncFolder(draft);
		await rename(draft, path.join(folder, '.n8n'));
		await syncFolder(folder);
	} catch (error) {
		await rm(draft, { recursive: true, force: true });
		if (!wasThere) await rmdir(folder).catch(() => {});
		if (signal?.aborted) throw cancelled();
		throw error instanceof BackupError ? error : failed(folder, error);
	}
}

async function restoreDatabaseFile(
	file: string,
	{ reader, content, signal, log }: PrepareFolderOptions,
): Promise<void> {
	const take = async (bytes: AsyncIterable<Uint8Array>) => {
		await pipeline(bytes, createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true }), signal ? { signal } : {});
	};
	await readDatabase(reader, take, signal);
	log?.('Checking the database');
	const problems = await problemsOf(file, content, reader.manifest, signal);
	if (problems.length > 0) throw damaged(problems.slice(0, 3).join(' ').replace(/\.$/, ''));
}

/** Whether the folder is there. @throws BackupError INVALID_INPUT, TARGET_EXISTS, TARGET_FAILED */
async function assertUsable({ folder, running }: PrepareFolderOptions): Promise<boolean> {
	if (!path.isAbsolute(folder)) {
		throw new BackupError('INVALID_INPUT', `${folder || 'The folder'} is not an absolute path.`, {
			hint: 'Give the whole path, from the root.',
		});
	}
	if (running !== undefined) {
		const [target, own] = await Promise.all([realPathOf(folder), realPathOf(running)]);
		if (isWithin(target, own) || target === path.dirname(own)) {
			throw new BackupError('INVALID_INPUT', `${folder} belongs to the n8n that runs, which is never restored into.`, {
				hint: 'Choose a new folder, and start another n8n from it; or stop this one and put the new folder in the place of its own.',
			});
		}
	}
	try {
		const names = (await readdir(folder)).filter((name) => !HARMLESS.has(name));
		if (names.length === 0) return true;
		throw new BackupError('TARGET_EXISTS', `${folder} is not empty: ${names.slice(0, 3).join(', ')}.`, {
			hint: names.every((name) => name.startsWith(DRAFT))
				? 'Another restore fills it, or was killed on its way: remove what it has left, or choose another folder. Nothing was changed.'
				: 'Choose an empty folder, or one that does not exist yet. Nothing was changed.',
		});
	} catch (error) {
		if (error instanceof BackupError) throw error;
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
		throw failed(folder, error);
	}
}

/** What the database takes, as the manifest tells. @throws BackupError TARGET_FAILED */
async function assertRoom({ reader, folder }: PrepareFolderOptions): Promise<void> {
	const bytes = reader.manifest.parts
		.filter(({ type }) => type === 'database')
		.reduce((sum, { rawLength }) => sum + rawLength, 0);
	let free: number;
	try {
		free = await freeBytesAt(folder);
	} catch (error) {
		throw failed(folder, error);
	}
	if (bytes > free) throw noRoom(folder, bytes, free);
}

function isWithin(folder: string, other: string): boolean {
	return folder === other || folder.startsWith(other.endsWith(path.sep) ? other : `${other}${path.sep}`);
}

/** Only its owner may read it; on the disk when this resolves. */
async function put(file: string, text: string): Promise<void> {
	await writeFile(file, text, { flag: 'wx', mode: 0o600, flush: true });
}

function failed(folder: string, cause: unknown): BackupError {
	return new BackupError('TARGET_FAILED', `The instance could not be restored into ${folder}: ${messageOf(cause)}`, {
		cause,
		hint: 'Check the rights of n8n there, and the room. Nothing half-written was left.',
	});
}

function sealedOtherwise(): BackupError {
	return new BackupError('KEY_WRONG', 'The encryption key in the backup opens none of its credentials.', {
		hint: 'Choose another backup. Nothing was written.',
	});
}

/**
 * Walks a folder in the order of names that sets have: that of the bytes of whole paths. The names of directories end with a
 * slash, as do the beginnings of the paths of what is in them, so the order of all paths comes of itself when the names in each
 * directory are sorted. In memory: the names in the directory at hand, and of those above it the ones that are still to come.
 */
import * as fs from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { promisify } from 'node:util';

import { throwIfCancelled } from '../../errors';
import { mapInParallel } from '../../parallel';
import { bytesOf, compareNames, nameOf } from '../name';

export interface Walked {
	/** Relative to the root, with forward slashes, and one at the end for a directory; see engine/tree/name.ts. */
	name: string;
	stat: fs.BigIntStats;
}

export interface WalkOptions {
	/** Absolute. */
	root: Buffer;
	/** Whether an entry, with everything below it, is passed over. */
	isExcluded: (name: string) => boolean;
	/** Whether directories of other file systems are passed over, too. */
	oneFileSystem: boolean;
	/** Called for what cannot be listed or looked at; what it throws ends the walk. */
	onUnreadable: (name: string, error: NodeJS.ErrnoException) => void;
	signal: AbortSignal;
}

const LOOKED_AT_ONCE = 32;
/** Entries that are looked at before the first of them is handed out. */
const BATCH = 256;
/** The calls with callbacks take less time than the promises of node:fs, and there may be a million of them. */
const lstat = promisify(fs.lstat) as (path: Buffer, options: { bigint: true }) => Promise<fs.BigIntStats>;
const SLASH = Buffer.from('/');

/** All entries below the root, without the root itself. */
export async function* walk(options: WalkOptions): AsyncGenerator<Walked> {
	const { root, oneFileSystem } = options;
	const device = oneFileSystem ? (await stat(root, { bigint: true })).dev : undefined;
	yield* walkDirectory('', options, device);
}

async function* walkDirectory(
	directory: string,
	options: WalkOptions,
	device: bigint | undefined,
): AsyncGenerator<Walked> {
	const { isExcluded, signal } = options;
	const names = await namesIn(directory, options);
	for (let at = 0; at < names.length; at += BATCH) {
		throwIfCancelled(signal);
		const batch = names.slice(at, at + BATCH).map((name) => directory + name);
		const wanted = batch.filter((name) => !isExcluded(name));
		const looked = await mapInParallel(wanted, LOOKED_AT_ONCE, async (name) => await look(name, options));
		for (const walked of looked) {
			if (!walked) continue;
			yield walked;
			const isBelow = walked.stat.isDirectory() && (device === undefined || walked.stat.dev === device);
			if (isBelow) yield* walkDirectory(walked.name, options, device);
		}
	}
}

/** Names in a directory, those of directories with a slash at their end, sorted. */
async function namesIn(directory: string, { root, onUnreadable, signal }: WalkOptions): Promise<string[]> {
	const names: string[] = [];
	try {
		const path = pathOf(root, directory);
		// The types know no names that are bytes.
		const entries = await opendir(path, { encoding: 'buffer' as 'utf8', bufferSize: 512 });
		for await (const entry of entries) {
			throwIfCancelled(signal);
			const name = nameOf(entry.name as unknown as Buffer);
			names.push(entry.isDirectory() ? `${name}/` : name);
		}
	} catch (error) {
		if (!isErrno(error)) throw error;
		if (!isGone(error) || directory === '') onUnreadable(directory, error);
	}
	return names.sort(compareNames);
}

async function look(name: string, { root, onUnreadable }: WalkOptions): Promise<Walked | undefined> {
	try {
		const found = await lstat(pathOf(root, name.replace(/\/$/, '')), { bigint: true });
		// It has become something else since the directory was listed, and what was listed is gone.
		return found.isDirectory() === name.endsWith('/') ? { name, stat: found } : undefined;
	} catch (error) {
		if (!isErrno(error)) throw error;
		// It is gone since the directory was listed: as if it had never been there.
		if (!isGone(error)) onUnreadable(name, error);
		return undefined;
	}
}

/** The path of an entry, as bytes. */
export function pathOf(root: Buffer, name: string): Buffer {
	return name === '' ? root : Buffer.concat([root, SLASH, bytesOf(name)]);
}

/** Whether nothing is there any more: the entry is gone, or the folder that it was in, or that is something else by now. */
export function isGone({ code }: NodeJS.ErrnoException): boolean {
	return code === 'ENOENT' || code === 'ENOTDIR';
}

export function isErrno(error: unknown): error is NodeJS.ErrnoException {
	return error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string';
}

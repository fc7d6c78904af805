/**
 * Keeps a server that is started from a recovered data directory in it. The configuration comes from the server that was backed up, and may
 * lead to its data (`data_directory`), its rules for logins, its files: a server that obeyed would write to the data of the old one, or not
 * start at all. Such lines become comments, in all files that `postgresql.conf` and `postgresql.auto.conf` read; they cannot be
 * overridden, for `postgresql.auto.conf` is read only when it is known where the data is.
 */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { BackupError } from '../../../errors';
import { lstatOrNothing } from '../../../storage/folder-paths';
import { shownName } from '../../../tree';
import { effectOf, parseLine } from './configurationLine';
import type { DraftFolder } from './draftFolder';
import { AUTO_CONF } from './settings';

export const MAIN_CONF = 'postgresql.conf';
/** The server itself refuses files that are included deeper (CONF_FILE_MAX_DEPTH). */
const DEEPEST = 10;
/** Far more than any configuration has; a file is changed in memory. */
const MOST_BYTES = 16 * 1024 * 1024;
const REMARK = ' # Left out by Recover of Postgres PITR: it leads out of this data directory.';

/** What the configuration of a data directory asked for that lies outside of it. */
export interface Outside {
	/** Settings that were made comments, such as `data_directory`, and the files that they stood in. */
	leftOut: { name: string; value: string; file: string }[];
	/** Settings that stay, and name places that the server needs where it is started. */
	named: { name: string; value: string }[];
}

/**
 * @param changed takes the files that were written anew
 * @throws BackupError ARCHIVE_CORRUPT where a file is too large for a configuration; what the file system throws
 */
export async function confine(draft: DraftFolder, changed: Set<string>): Promise<Outside> {
	const outside: Outside = { leftOut: [], named: [] };
	const seen = new Set<string>();
	const files = [MAIN_CONF, AUTO_CONF].map((name) => ({ name, depth: 0 }));
	for (let file = files.shift(); file; file = files.shift()) {
		const { name, depth } = file;
		if (seen.has(name) || depth > DEEPEST) continue;
		seen.add(name);
		const text = await configurationText(draft, name);
		if (text === undefined) continue;
		const included: string[] = [];
		const lines: string[] = [];
		for (const line of text.split('\n')) {
			lines.push(await confined(line, { draft, name, outside, included }));
		}
		files.push(...included.map((one) => ({ name: one, depth: depth + 1 })));
		const mended = lines.join('\n');
		if (mended === text) continue;
		await draft.replace(name, Buffer.from(mended, 'latin1'));
		changed.add(name);
	}
	return outside;
}

interface Place {
	draft: DraftFolder;
	/** The file. */
	name: string;
	outside: Outside;
	/** Takes the files that are read by it. */
	included: string[];
}

/** @returns the line as it may stand */
async function confined(line: string, { draft, name, outside, included }: Place): Promise<string> {
	const found = parseLine(line);
	if (!found) return line;
	// As the system writes names that are no text of one byte a character.
	const value = Buffer.from(found.value, 'latin1').toString('utf8');
	const beside = path.posix.join(path.posix.dirname(name), found.value);
	switch (effectOf(found)) {
		case 'leads out':
			outside.leftOut.push({ name: found.name, value, file: name });
			return `#${line.replace(/\r$/, '')}${REMARK}`;
		case 'names':
			outside.named.push({ name: found.name, value });
			return line;
		case 'file':
			included.push(beside);
			return line;
		case 'folder':
			included.push(...(await configurationsIn(draft, beside)));
			return line;
		case undefined:
			return line;
	}
}

/** The files that include_dir reads. */
async function configurationsIn(draft: DraftFolder, folder: string): Promise<string[]> {
	const found = await lstatOrNothing(draft.at(folder).toString());
	if (!found?.isDirectory()) return [];
	const names = await readdir(draft.at(folder).toString());
	return names
		.filter((name) => name.endsWith('.conf') && !name.startsWith('.'))
		.map((name) => path.posix.join(folder, name));
}

/**
 * A configuration file, a character for each byte; undefined where there is none.
 * @throws BackupError ARCHIVE_CORRUPT for one that is too large to be one
 */
export async function configurationText(draft: DraftFolder, name: string): Promise<string | undefined> {
	const found = await lstatOrNothing(draft.at(name).toString());
	if (!found?.isFile()) return undefined;
	if (found.size <= MOST_BYTES) return await readFile(draft.at(name), 'latin1');
	throw new BackupError('ARCHIVE_CORRUPT', `${shownName(name)} in the base backup is too large for a configuration.`, {
		hint: 'Choose another base backup.',
	});
}

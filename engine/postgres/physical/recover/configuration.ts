/**
 * What makes a data directory one that a stock server recovers from: settings, the signal to recover, and a configuration where the server
 * keeps its own elsewhere (Debian has it in /etc/postgresql), so that no base backup has it. What leads out of it is left out (confine.ts).
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

import { lstatOrNothing } from '../../../storage/folder-paths';
import type { Combined } from './combine';
import { configurationText, confine, MAIN_CONF, type Outside } from './confine';
import type { DraftFolder } from './draftFolder';
import { writeAt } from './incrementalFile';
import { AUTO_CONF, quoted, settingsText, SIGNAL, type RecoverySettings } from './settings';

/** What a server refuses to recover with where it is lower than it was on the server that the log comes from, by its name. */
export type ServerSettings = Readonly<Record<string, number>>;

const HBA_CONF = 'pg_hba.conf';
const IDENT_CONF = 'pg_ident.conf';

/** By name, what is written where it is missing. Whoever is on the machine logs in as they are called there; others with their password. */
const CONFIGURATION: Readonly<Record<string, (settings: ServerSettings) => string>> = {
	[MAIN_CONF]: (settings) =>
		`# Written by Recover of Postgres PITR: the server that was backed up keeps its configuration elsewhere.\n${textOf(settings)}`,
	[HBA_CONF]: () =>
		['all', 'replication']
			.map(
				(database) =>
					`local ${database} all peer\nhost ${database} all 127.0.0.1/32 scram-sha-256\nhost ${database} all ::1/128 scram-sha-256\n`,
			)
			.join(''),
	[IDENT_CONF]: () => '',
};

/** The settings that made the server take another file than the one of this name. */
const ELSEWHERE: readonly (readonly [setting: string, file: string])[] = [
	['hba_file', HBA_CONF],
	['ident_file', IDENT_CONF],
];

export interface Configured {
	/** Files that the base backup did not have, and that were made up. */
	made: string[];
	/** Files that the base backup had and the server did not read; they were made up as well, with what they held as comments. */
	unread: string[];
	outside: Outside;
}

/**
 * @param server what the server refuses to recover with where it is lower
 * @throws BackupError as confine does; what the file system throws
 */
export async function configure(
	{ draft, changed }: Combined,
	settings: RecoverySettings,
	server: ServerSettings = {},
): Promise<Configured> {
	const outside = await confine(draft, changed);
	const unread: string[] = [];
	for (const [setting, file] of ELSEWHERE) {
		if (!outside.leftOut.some(({ name }) => name === setting)) continue;
		const before = await configurationText(draft, file);
		if (before === undefined) continue;
		await draft.replace(file, Buffer.from(unreadText(before, file, setting), 'latin1'));
		changed.add(file);
		unread.push(file);
	}
	const made: string[] = [];
	for (const [name, text] of Object.entries(CONFIGURATION)) {
		if (await isThere(draft, name)) continue;
		await draft.write(name, [Buffer.from(text(server))]);
		made.push(name);
	}
	if (outside.leftOut.some(({ name }) => name.startsWith('include'))) {
		await append(
			draft,
			MAIN_CONF,
			`\n# Written by Recover of Postgres PITR: files that were included may have had them.\n${textOf(server)}`,
		);
		changed.add(MAIN_CONF);
	}
	await append(draft, AUTO_CONF, settingsText(settings));
	await draft.write(SIGNAL, []);
	return { made, unread, outside };
}

/** Nobody has looked after what the server did not read: initdb lets everybody on the machine in. */
function unreadText(before: string, file: string, setting: string): string {
	const text = `# Written by Recover of Postgres PITR, for the server that was backed up took another file, by ${setting}.\n${CONFIGURATION[file]!({})}`;
	const kept = before
		.trimEnd()
		.split('\n')
		.map((line) => `#${line}\n`);
	return `${text}\n# What it passed over here:\n${kept.join('')}`;
}

function textOf(settings: ServerSettings): string {
	const lines = Object.entries(settings).map(([name, value]) => `${name} = ${quoted(String(value))}\n`);
	return lines.join('');
}

async function isThere(draft: DraftFolder, name: string): Promise<boolean> {
	return (await lstatOrNothing(draft.at(name).toString())) !== undefined;
}

async function append(draft: DraftFolder, name: string, text: string): Promise<void> {
	const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
	const handle = await open(draft.at(name), O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
	try {
		const { size } = await handle.stat();
		await writeAt(handle, Buffer.from(text), size);
	} finally {
		await handle.close();
	}
}

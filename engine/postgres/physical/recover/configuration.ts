/**
 * What makes a data directory one that a stock server recovers from: settings, the signal to recover, and a configuration where the server
 * keeps its own elsewhere (Debian has it in /etc/postgresql), so that no base backup has it.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

import { lstatOrNothing } from '../../../storage/folder-paths';
import { writeAt } from './incrementalFile';
import type { DraftFolder } from './draftFolder';
import { AUTO_CONF, quoted, settingsText, SIGNAL, type RecoverySettings } from './settings';

/** What a server refuses to recover with where it is lower than it was on the server that the log comes from, by its name. */
export type ServerSettings = Readonly<Record<string, number>>;

/** By name, what is written where it is missing. Whoever is on the machine logs in as they are called there; others with their password. */
const CONFIGURATION: Readonly<Record<string, (settings: ServerSettings) => string>> = {
	'postgresql.conf': (settings) =>
		`# Written by Recover of Postgres PITR: the server that was backed up keeps its configuration elsewhere.\n${Object.entries(
			settings,
		)
			.map(([name, value]) => `${name} = ${quoted(String(value))}\n`)
			.join('')}`,
	'pg_hba.conf': () =>
		'local all all peer\nhost all all 127.0.0.1/32 scram-sha-256\nhost all all ::1/128 scram-sha-256\n',
	'pg_ident.conf': () => '',
};

/** @returns the files that the base backup did not have, and that were made up */
export async function configure(
	draft: DraftFolder,
	settings: RecoverySettings,
	server: ServerSettings = {},
): Promise<string[]> {
	const made: string[] = [];
	for (const [name, text] of Object.entries(CONFIGURATION)) {
		if (await lstatOrNothing(draft.at(name).toString())) continue;
		await draft.write(name, [Buffer.from(text(server))]);
		made.push(name);
	}
	await append(draft, settingsText(settings));
	await draft.write(SIGNAL, []);
	return made;
}

async function append(draft: DraftFolder, text: string): Promise<void> {
	const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
	const handle = await open(draft.at(AUTO_CONF), O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
	try {
		const { size } = await handle.stat();
		await writeAt(handle, Buffer.from(text), size);
	} finally {
		await handle.close();
	}
}

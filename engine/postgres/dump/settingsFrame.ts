import { BackupError } from '../../errors';

import { type DatabaseProperties, databaseSettingsSchema } from './databaseProperties';

type Settings = DatabaseProperties['settings'];

/** Type of the part that holds a database's settings. */
export const SETTINGS_PART = 'settings';

const HEAD = '-- Settings of the database, put back by a restore with n8n-nodes-stack-backup: ';

/**
 * `ALTER DATABASE ... SET` as a comment at the beginning of the script, which psql passes over: a name for the database
 * is not known before the restore. Settings may hold secrets of applications, so they go into the archive, which can be
 * encrypted, and not into the manifest.
 */
export function settingsFrame(settings: Settings): Buffer {
	return Buffer.from(`${HEAD}${JSON.stringify(settings)}\n\n`);
}

/**
 * Reads what settingsFrame has written, letter for letter: a frame with a line feed in it would be more than a comment.
 * @throws BackupError ARCHIVE_CORRUPT
 */
export function parseSettingsFrame(frame: Buffer): Settings {
	const text = frame.toString('utf8');
	if (!text.startsWith(HEAD)) return [];
	try {
		const settings = databaseSettingsSchema.parse(JSON.parse(text.slice(HEAD.length)));
		if (settingsFrame(settings).equals(frame)) return settings;
	} catch {
		// Not even as a cause: what is wrong with it may quote a setting, and that may be a secret.
	}
	throw new BackupError('ARCHIVE_CORRUPT', 'The settings of the database in the archive cannot be read.', {
		hint: 'The archive was edited after it was made. Choose another backup.',
	});
}

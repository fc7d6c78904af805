/** An n8n on SQLite as a backup sees it: its folder, its key, and a database with the tables of n8n 2 that matter here. */
import { createCipheriv, createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { onTestFinished } from 'vitest';

import {
	backUpInstance,
	type BackUpInstanceOptions,
	type InstanceSettings,
	keyIn,
	type Manifest,
	manifestKeyOf,
	openArchive,
	readSettings,
	restoreInstance,
	type RestoreInstanceOptions,
} from '../../../../engine';
import { FolderStorage } from '../../../../engine/storage/folder';
import { noise } from '../../../random/bytes';
import { removeFolder, temporaryFolder } from '../../../services/guard';

export const KEY = 'the-key-of-this-instance';
export const PASSPHRASE = 'a long passphrase';
export const KEYS = { passphrase: PASSPHRASE };
export const VERSION = '2.41.3';

const random = noise('instance');

/** As n8n encrypts a credential (aes-256-cbc.ts of n8n-core). */
export function sealed(data: object, key: string): string {
	const salt = random(8);
	const password = Buffer.concat([Buffer.from(key), salt]);
	const md5 = (...parts: Buffer[]) => createHash('md5').update(Buffer.concat(parts)).digest();
	const first = md5(password);
	const second = md5(first, password);
	const cipher = createCipheriv('aes-256-cbc', Buffer.concat([first, second]), md5(second, password));
	const content = Buffer.concat([cipher.update(JSON.stringify(data)), cipher.final()]);
	return Buffer.concat([Buffer.from('Salted__'), salt, content]).toString('base64');
}

/** A folder that goes with the test. */
export function folder(): string {
	const root = temporaryFolder('instance');
	onTestFinished(() => removeFolder(root));
	return root;
}

export interface StagedInstance {
	/** The N8N_USER_FOLDER. */
	root: string;
	file: string;
	/** As n8n holds it open, in WAL mode. */
	database: DatabaseSync;
	settings: InstanceSettings;
}

/** One that goes with the test. @param key that its credential is encrypted with: by default, the one that it has */
export function makeInstance({ key, env }: { key?: string; env?: Record<string, string> } = {}): StagedInstance {
	const instance = instanceIn(folder(), key, env);
	onTestFinished(() => instance.database.close());
	return instance;
}

export function instanceIn(root: string, key = KEY, env: Record<string, string> = {}): StagedInstance {
	const file = join(root, '.n8n', 'database.sqlite');
	mkdirSync(join(root, '.n8n'));
	writeFileSync(join(root, '.n8n', 'config'), JSON.stringify({ encryptionKey: KEY }));
	const database = new DatabaseSync(file);
	database.exec(`PRAGMA journal_mode = WAL;
		CREATE TABLE migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp BIGINT NOT NULL, name VARCHAR NOT NULL);
		INSERT INTO migrations (timestamp, name) VALUES (2, 'Second2'), (1, 'First1');
		CREATE TABLE credentials_entity (id VARCHAR(36) PRIMARY KEY, name VARCHAR, data TEXT, type VARCHAR, updatedAt DATETIME);
		CREATE TABLE installed_packages (packageName CHAR(214) PRIMARY KEY, installedVersion CHAR(50));
		INSERT INTO installed_packages VALUES ('n8n-nodes-example', '1.2.3');
		CREATE TABLE execution_entity (id INTEGER PRIMARY KEY AUTOINCREMENT, status VARCHAR);
		CREATE TABLE execution_data (executionId INTEGER PRIMARY KEY, data TEXT);`);
	database
		.prepare('INSERT INTO credentials_entity VALUES (?, ?, ?, ?, ?)')
		.run('c1', 'mail', sealed({ user: 'anna' }, key), 'smtp', '2026-01-31');
	return { root, file, database, settings: settingsOf(root, env) };
}

export function settingsOf(root: string, env: Record<string, string>): InstanceSettings {
	return readSettings({
		env: { N8N_USER_FOLDER: root, ...env },
		readText: () => JSON.stringify({ encryptionKey: KEY }),
		namesIn: () => undefined,
	});
}

export async function backUp(
	storage: FolderStorage,
	settings: InstanceSettings,
	options: Partial<BackUpInstanceOptions> = {},
): Promise<Manifest> {
	return await backUpInstance({
		storage,
		codec: { name: 'zstd' },
		encryption: { passphrase: PASSPHRASE },
		name: 'n8n',
		settings,
		version: VERSION,
		binaryData: false,
		keys: KEYS,
		...options,
	});
}

export function archiveKey({ folder: place = '', file }: Manifest): string {
	return keyIn(place, file);
}

export async function restore(
	storage: FolderStorage,
	manifest: Manifest,
	target: string,
	options: Partial<RestoreInstanceOptions> = {},
) {
	const reader = await openArchive(storage, manifestKeyOf(archiveKey(manifest)), options.keys ?? KEYS);
	return await restoreInstance({ reader, storage, keys: KEYS, folder: target, ...options });
}

export function emptyStorage(): FolderStorage {
	return new FolderStorage({ root: folder() });
}

/** What a query to a database finds. */
export function rowsOf(file: string, sql: string): Array<Record<string, unknown>> {
	const database = new DatabaseSync(file, { readOnly: true });
	try {
		return database.prepare(sql).all();
	} finally {
		database.close();
	}
}

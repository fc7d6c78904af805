/** Archives that somebody has put together who has the passphrase: all hashes are right, and what stands in them is made to harm. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { beforeAll, describe, expect, it } from 'vitest';

import { type Manifest, verifyBackup } from '../../../../engine';
import { manifestKeyOf, openArchive } from '../../../../engine/archive';
import { restoreInstance } from '../../../../engine/instance';
import { FolderStorage } from '../../../../engine/storage/folder';
import { tarHeader, tarPadding } from '../../../../engine/tar';
import { removeFolder, temporaryFolder } from '../../../services/guard';
import { forge, type Forgery, type OpenPart } from '../../verify/forge';
import { backUp, folder, instanceIn, KEYS, PASSPHRASE, rowsOf } from './stage';

const root = temporaryFolder('instance-hostile');
const storage = new FolderStorage({ root });
let manifest: Manifest;
/** The database of the instance, as its backup has it. */
let stored: Buffer;

beforeAll(async () => {
	const source = temporaryFolder('instance-source');
	const { settings, database } = instanceIn(source);
	// Enough for pages of its own.
	database.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
		INSERT INTO execution_data SELECT i, hex(zeroblob(500)) FROM n`);
	manifest = await backUp(storage, settings);
	database.close();
	const target = join(source, 'plain');
	const reader = await openArchive(storage, manifestKeyOf(`n8n/${manifest.file}`), KEYS);
	await restoreInstance({ reader, storage, keys: KEYS, folder: target });
	stored = readFileSync(join(target, '.n8n/database.sqlite'));
	removeFolder(source);
	return () => removeFolder(root);
});

/** An archive with another database, whose tables the manifest names as they were. */
function withDatabase(content: Buffer): Forgery['parts'] {
	return (parts) => {
		const header = tarHeader('.n8n/database.sqlite', content.length, new Date(0));
		const raw = Buffer.concat([header, content, tarPadding(content.length)]);
		const [first] = parts.filter(({ part }) => part.type === 'database');
		const others = parts.filter(({ part }) => part.type !== 'database');
		return [...others.slice(0, -1), { part: first!.part, raw }, others.at(-1)!];
	};
}

/** The database of the backup, changed by SQL. */
function changedBy(...statements: string[]): Buffer {
	const file = join(folder(), 'database.sqlite');
	writeFileSync(file, stored);
	const database = new DatabaseSync(file);
	for (const sql of statements) database.exec(sql);
	database.close();
	return readFileSync(file);
}

function withText(parts: OpenPart[], type: string, change: (text: string) => string): OpenPart[] {
	return parts.map((one) => {
		if (one.part.type !== type) return one;
		const name = type === 'instance' ? 'instance.json' : '.n8n/config';
		const length = parseInt(one.raw.subarray(124, 136).toString('latin1'), 8);
		const text = Buffer.from(change(one.raw.subarray(512, 512 + length).toString('utf8')));
		return { ...one, raw: Buffer.concat([tarHeader(name, text.length, new Date(0)), text, tarPadding(text.length)]) };
	});
}

async function forged(forgery: Forgery): Promise<string> {
	const encryption = { passphrase: PASSPHRASE };
	return await forge(storage, { manifest, folder: 'n8n' }, { keys: KEYS, encryption, ...forgery });
}

async function restored(key: string): Promise<string> {
	const target = join(folder(), 'new');
	const reader = await openArchive(storage, manifestKeyOf(key), KEYS);
	try {
		await restoreInstance({ reader, storage, keys: KEYS, folder: target });
	} catch (error) {
		expect(existsSync(target)).toBe(false);
		throw error;
	}
	return target;
}

async function refused(forgery: Forgery, message: RegExp): Promise<void> {
	const key = await forged(forgery);
	await expect(restored(key)).rejects.toMatchObject({
		code: 'ARCHIVE_CORRUPT',
		message: expect.stringMatching(message),
	});
	const { verdict, findings } = await verifyBackup({ storage, key, level: 'content', keys: KEYS });
	expect(verdict).toBe('failed');
	expect(findings[0]?.message).toMatch(message);
}

describe('the database of a forged archive', () => {
	it('is not read for ever where pages refer to others again and again', async () => {
		const page = rootOf(stored, 'execution_data');
		// Ten levels of pages, each of which leads to the next one 400 times.
		const levels = Array.from({ length: 10 }, (_, level) => interiorPage(stored.length / PAGE + level + 2));
		const bomb = Buffer.concat([stored, ...levels, stored.subarray((page - 1) * PAGE, page * PAGE)]);
		interiorPage(stored.length / PAGE + 1).copy(bomb, (page - 1) * PAGE);
		bomb.writeUInt32BE(bomb.length / PAGE, 28);
		await refused({ parts: withDatabase(bomb) }, /SQLite finds the database damaged/);
	});

	it('writes nothing beside itself while it is looked at, and runs no trigger', async () => {
		const content = changedBy(
			'CREATE TRIGGER t AFTER INSERT ON execution_entity BEGIN DELETE FROM credentials_entity; END',
			`CREATE VIEW v AS SELECT load_extension('/nowhere')`,
		);
		// Its header asks for a write-ahead log.
		content[18] = content[19] = 2;
		const target = await restored(await forged({ parts: withDatabase(content) }));
		expect(readdirSync(join(target, '.n8n')).sort()).toEqual(['config', 'database.sqlite', 'nodes']);
		expect(readFileSync(join(target, '.n8n/database.sqlite')).equals(content)).toBe(true);
		expect(rowsOf(join(target, '.n8n/database.sqlite'), 'SELECT id FROM credentials_entity')).toHaveLength(1);
	});

	it('names no community packages but those that the backup names: n8n would install them', async () => {
		const content = changedBy(`UPDATE installed_packages SET packageName = 'n8n-nodes-other'`);
		await refused({ parts: withDatabase(content) }, /other community packages/);
	});
});

describe('the small members of a forged archive', () => {
	it('name nothing that npm would fetch from elsewhere', async () => {
		const elsewhere = 'git+https://example.com/evil.git';
		const content = changedBy(`UPDATE installed_packages SET installedVersion = '${elsewhere}'`);
		const parts = (all: OpenPart[]) =>
			withText(withDatabase(content)!(all), 'instance', (text) => text.replace('"1.2.3"', JSON.stringify(elsewhere)));
		await refused({ parts }, /package\.json does not name the packages/);
	});

	it('hold no names that are too long to ask for', async () => {
		const parts = (all: OpenPart[]) =>
			withText(all, 'instance', (text) =>
				text.replace('"tablePrefix": ""', `"tablePrefix": "${'x'.repeat(3_000_000)}"`),
			);
		await refused({ parts }, /instance\.json is not valid: source\.tablePrefix/);
	});

	it('bring no error that shows the key', async () => {
		const parts = (all: OpenPart[]) => withText(all, 'config', (text) => `${text} secret`);
		const key = await forged({ parts });
		const error: unknown = await restored(key).catch((reason: unknown) => reason);
		expect(String((error as Error).message)).toContain('is not what n8n writes');
		expect(JSON.stringify([error, (error as Error).message, (error as Error).cause])).not.toMatch(
			/secret|the-key-of-this/,
		);
	});
});

const PAGE = 4096;
const CELLS = 400;

function rootOf(content: Buffer, table: string): number {
	const file = join(folder(), 'database.sqlite');
	writeFileSync(file, content);
	return rowsOf(file, `SELECT rootpage FROM sqlite_schema WHERE name = '${table}'`)[0]!['rootpage'] as number;
}

/** A page of a table that leads to one other page all the time: https://www.sqlite.org/fileformat2.html, 1.6. */
function interiorPage(child: number): Buffer {
	const page = Buffer.alloc(PAGE);
	page[0] = 5;
	page.writeUInt16BE(CELLS, 3);
	page.writeUInt16BE(PAGE - CELLS * 6, 5);
	page.writeUInt32BE(child, 8);
	for (let cell = 0; cell < CELLS; cell++) {
		const at = PAGE - (cell + 1) * 6;
		page.writeUInt16BE(at, 12 + cell * 2);
		page.writeUInt32BE(child, at);
		page[at + 4] = 0x80 | (cell >> 7);
		page[at + 5] = cell & 0x7f;
	}
	return page;
}

import {
	cpSync,
	existsSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	symlinkSync,
	writeFileSync,
	writeSync,
	closeSync,
} from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { type Manifest, verifyBackup } from '../../../../engine';
import { manifestKeyOf, openArchive } from '../../../../engine/archive';
import { restoreInstance } from '../../../../engine/instance';
import { FolderStorage } from '../../../../engine/storage/folder';
import { noise } from '../../../random/bytes';
import { removeFolder, temporaryFolder } from '../../../services/guard';
import { forge, type OpenPart } from '../../verify/forge';
import { archiveKey, backUp, emptyStorage, folder, instanceIn, KEYS, makeInstance, PASSPHRASE, restore } from './stage';

const random = noise('instance-refusals');

describe('a backup of an instance is refused, and leaves nothing,', () => {
	it('without encryption', async () => {
		const storage = emptyStorage();
		const refused = backUp(storage, makeInstance().settings, { encryption: undefined });
		await expect(refused).rejects.toMatchObject({
			code: 'INVALID_INPUT',
			hint: expect.stringContaining('Backup Encryption credential'),
		});
		expect(readdirSync(storage.root)).toEqual([]);
	});

	it('where the key of n8n opens none of its credentials', async () => {
		const storage = emptyStorage();
		const refused = backUp(storage, makeInstance({ key: 'another' }).settings);
		await expect(refused).rejects.toMatchObject({ code: 'KEY_WRONG' });
		expect(readdirSync(storage.root)).toEqual([]);
	});

	it('where the database is damaged', async () => {
		const storage = emptyStorage();
		const { database, file, settings } = makeInstance();
		database.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
			INSERT INTO execution_data SELECT i, hex(randomblob(2000)) FROM n; PRAGMA wal_checkpoint(TRUNCATE)`);
		database.exec('PRAGMA journal_mode = DELETE');
		database.exec('BEGIN EXCLUSIVE; COMMIT');
		const handle = openSync(file, 'r+');
		writeSync(handle, random(40 * 4096), 0, 40 * 4096, 20 * 4096);
		closeSync(handle);
		await expect(backUp(storage, settings)).rejects.toMatchObject({ code: 'SOURCE_FAILED' });
		expect(readdirSync(storage.root)).toEqual([]);
	});

	it('where there is no database, and where it is not one of n8n', async () => {
		const storage = emptyStorage();
		const { settings, database } = makeInstance();
		const file = join(folder(), 'database.sqlite');
		const elsewhere = { ...settings, database: { type: 'sqlite' as const, file } };
		await expect(backUp(storage, elsewhere)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		expect(existsSync(file)).toBe(false);
		database.exec('DROP TABLE migrations');
		await expect(backUp(storage, settings)).rejects.toThrow('does not hold n8n’s tables');
		await expect(backUp(storage, { ...settings, tablePrefix: 'n8n_' })).rejects.toMatchObject({
			hint: expect.stringContaining('DB_TABLE_PREFIX'),
		});
		expect(readdirSync(storage.root)).toEqual([]);
	});

	it('where it is cancelled', async () => {
		const storage = emptyStorage();
		const controller = new AbortController();
		const options = { signal: controller.signal, log: () => controller.abort() };
		await expect(backUp(storage, makeInstance().settings, options)).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(readdirSync(storage.root)).toEqual([]);
	});
});

describe('a restore of an instance', () => {
	const root = temporaryFolder('instance-store');
	const storage = new FolderStorage({ root });
	let manifest: Manifest;

	beforeAll(async () => {
		const store = temporaryFolder('instance-source');
		const { settings, database } = instanceIn(store);
		manifest = await backUp(storage, settings);
		database.close();
		removeFolder(store);
		return () => removeFolder(root);
	});

	/** A restore that is to be refused leaves nothing. */
	async function refused(target: string, options: Parameters<typeof restore>[3] = {}) {
		const before = existsSync(target) ? readdirSync(target) : undefined;
		const error: unknown = await restore(storage, manifest, target, options).then(
			() => undefined,
			(reason: unknown) => reason,
		);
		expect(existsSync(target) ? readdirSync(target) : undefined).toEqual(before);
		return error;
	}

	it('never goes into the n8n that runs, by whatever path', async () => {
		const running = folder();
		mkdirSync(join(running, '.n8n'));
		const link = join(folder(), 'link');
		symlinkSync(running, link);
		for (const target of [
			running,
			join(running, '.n8n'),
			join(running, '.n8n/new'),
			link,
			join(link, '.n8n/new/deep'),
		]) {
			expect(await refused(target, { running: join(running, '.n8n') })).toMatchObject({
				code: 'INVALID_INPUT',
				message: expect.stringContaining('belongs to the n8n that runs'),
			});
		}
		await restore(storage, manifest, join(running, 'beside'), { running: join(running, '.n8n') });
	});

	it('never goes into a folder that holds anything', async () => {
		const target = folder();
		writeFileSync(join(target, 'notes.txt'), 'mine');
		expect(await refused(target)).toMatchObject({ code: 'TARGET_EXISTS' });
		const empty = folder();
		mkdirSync(join(empty, 'lost+found'));
		await restore(storage, manifest, empty);
		expect(readdirSync(empty).sort()).toEqual(['.n8n', 'lost+found']);
	});

	it('is refused for an older n8n, and names the one that it needs', async () => {
		const target = join(folder(), 'new');
		expect(await refused(target, { version: '2.40.9' })).toMatchObject({
			code: 'UNSUPPORTED_VERSION',
			message: expect.stringContaining('made by n8n 2.41.3'),
		});
		expect(await refused(target, { version: 'newest' })).toMatchObject({ code: 'INVALID_INPUT' });
		await restore(storage, manifest, target, { version: '2.50.0' });
	});

	it('is refused with another passphrase, and without one', async () => {
		const target = join(folder(), 'new');
		expect(await refused(target, { keys: { passphrase: 'another' } })).toMatchObject({ code: 'KEY_WRONG' });
		expect(await refused(target, { keys: {} })).toMatchObject({ code: 'KEY_MISSING' });
	});

	it('is refused where an archive that it needs is gone', async () => {
		const { settings, root: source } = makeInstance();
		const other = emptyStorage();
		mkdirSync(join(source, '.n8n/storage'));
		writeFileSync(join(source, '.n8n/storage/file'), 'content');
		const made = await backUp(other, settings, { binaryData: true });
		const binary = readdirSync(join(other.root, 'n8n')).filter((name) => name.startsWith('n8n_binary_data_2'));
		for (const name of binary) await other.remove(`n8n/${name}`);
		const target = join(folder(), 'new');
		await expect(restore(other, made, target)).rejects.toMatchObject({ code: 'ARCHIVE_INCOMPLETE' });
		expect(existsSync(target)).toBe(false);
	});

	it('is refused of a copy in which any bit was flipped, or whose end is missing', async () => {
		const copy = emptyStorage();
		cpSync(join(root, 'n8n'), join(copy.root, 'n8n'), { recursive: true });
		const file = join(copy.root, archiveKey(manifest));
		const whole = readFileSync(file);
		const damages = Array.from({ length: 12 }, (_, index) => {
			const flipped = Buffer.from(whole);
			flipped[Math.floor((whole.length * (index + 0.5)) / 12)]! ^= 1 << (index % 8);
			return flipped;
		});
		for (const content of [...damages, whole.subarray(0, whole.length - 1)]) {
			writeFileSync(file, content);
			const target = join(folder(), 'new');
			await expect(restore(copy, manifest, target)).rejects.toMatchObject({
				code: expect.stringMatching(/^(ARCHIVE_|NOT_AUTHENTIC|KEY_WRONG)/),
			});
			expect(existsSync(target)).toBe(false);
		}
		writeFileSync(file, whole);
		await restore(copy, manifest, join(folder(), 'new'));
	});

	it('leaves nothing where it is cancelled on the way', async () => {
		const controller = new AbortController();
		const log = (line: string) => line.startsWith('Checking') && controller.abort();
		const target = join(folder(), 'new');
		expect(await refused(target, { signal: controller.signal, log })).toMatchObject({ code: 'CANCELLED' });
	});

	/** Whoever has the passphrase has put another archive together, with all hashes right. */
	const forgeries: Array<[what: string, change: (parts: OpenPart[]) => OpenPart[], changes?: Partial<Manifest>]> = [
		['without its key', (parts) => parts.filter(({ part }) => part.type !== 'config')],
		[
			'with the key of another instance',
			(parts) => replaced(parts, 'the-key-of-this-instance', 'the-key-of-another-one--'),
		],
		['with a database of other rows', (parts) => parts, { tables: [] }],
		['with a damaged database', (parts) => parts.map(withNoise)],
		['whose database is cut off', (parts) => parts.map((one) => (isDatabase(one) ? cut(one) : one))],
		['with a member twice', (parts) => parts.flatMap((one) => (one.part.type === 'config' ? [one, one] : [one]))],
		['with a member of another name', (parts) => replaced(parts, '.n8n/config', '../../confi')],
		[
			'with a link in the place of its key',
			(parts) => parts.map((one) => (one.part.type === 'config' ? linked(one) : one)),
		],
		[
			'with a script that npm would run',
			(parts) => replaced(parts, '"name": "installed-nodes"', '"scripts":{"install":"x"}'),
		],
		['of other facts', (parts) => replaced(parts, '"formatVersion": 1', '"formatVersion": 0')],
	];

	it.each(forgeries)('is refused of an archive %s, and so is its verification', async (_, change, changes) => {
		const options = { keys: KEYS, encryption: { passphrase: PASSPHRASE } };
		const where = { manifest, folder: 'n8n' };
		const key = await forge(storage, where, { ...options, parts: change, ...(changes && { manifest: changes }) });
		const target = join(folder(), 'new');
		const reader = await openArchive(storage, manifestKeyOf(key), KEYS);
		await expect(restoreInstance({ reader, storage, keys: KEYS, folder: target })).rejects.toMatchObject({
			code: 'ARCHIVE_CORRUPT',
		});
		expect(existsSync(target)).toBe(false);
		const report = await verifyBackup({ storage, key, level: 'content', keys: KEYS });
		expect(report.verdict).toBe('failed');
	});

	it('is not told to be damaged where a later version made it, whatever else that put into it', async () => {
		const later = (parts: OpenPart[]) =>
			replaced(
				replaced(parts, '"formatVersion": 1', '"formatVersion": 2'),
				'.n8n/nodes/package.json',
				'.n8n/other/package.json',
			);
		const options = { keys: KEYS, encryption: { passphrase: PASSPHRASE } };
		const key = await forge(storage, { manifest, folder: 'n8n' }, { ...options, parts: later });
		const target = join(folder(), 'new');
		const reader = await openArchive(storage, manifestKeyOf(key), KEYS);
		await expect(restoreInstance({ reader, storage, keys: KEYS, folder: target })).rejects.toMatchObject({
			code: 'UNSUPPORTED_VERSION',
			hint: expect.stringContaining('Update the nodes'),
		});
		expect(existsSync(target)).toBe(false);
		const report = await verifyBackup({ storage, key, level: 'content', keys: KEYS });
		expect(report).toMatchObject({ verdict: 'incomplete', findings: [{ code: 'UNSUPPORTED_VERSION' }] });
	});

	it('is not thwarted by what was not forged', async () => {
		const options = { keys: KEYS, encryption: { passphrase: PASSPHRASE } };
		const key = await forge(storage, { manifest, folder: 'n8n' }, options);
		const reader = await openArchive(storage, manifestKeyOf(key), KEYS);
		await restoreInstance({ reader, storage, keys: KEYS, folder: join(folder(), 'new') });
		expect((await verifyBackup({ storage, key, level: 'content', keys: KEYS })).verdict).toBe('passed');
		expect(archiveKey(manifest)).not.toBe(key);
	});
});

function isDatabase({ part }: OpenPart): boolean {
	return part.type === 'database';
}

/** Texts of the same length. */
function replaced(parts: OpenPart[], text: string, by: string): OpenPart[] {
	return parts.map(({ part, raw }) => ({
		part,
		raw: Buffer.from(raw.toString('latin1').replaceAll(text, by), 'latin1'),
	}));
}

function withNoise(one: OpenPart): OpenPart {
	if (!isDatabase(one)) return one;
	const raw = Buffer.from(one.raw);
	random(4096).copy(raw, 512 + 4096);
	return { part: one.part, raw };
}

function cut({ part, raw }: OpenPart): OpenPart {
	return { part, raw: raw.subarray(0, raw.length - 4096) };
}

/** A member of the type of a symbolic link, with the checksum of its header made anew. */
function linked({ part, raw }: OpenPart): OpenPart {
	const header = Buffer.from(raw);
	header.write('2', 156, 'latin1');
	header.fill(0x20, 148, 156);
	const sum = header.subarray(0, 512).reduce((total, byte) => total + byte, 0);
	header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
	return { part, raw: header };
}

import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

import { DraftFolder } from '../../../../../engine/postgres/physical/recover/draftFolder';
import { fillFolder } from '../../../../../engine/postgres/physical/recover/targetFolder';
import { removeFolder, temporaryFolder } from '../../../../services/guard';

const root = temporaryFolder('target-folder');
afterAll(() => removeFolder(root));
let runs = 0;
const newFolder = () => join(root, String(runs++), 'data');

/** Puts together what a server would take for a data directory. */
async function fill(container: string): Promise<DraftFolder> {
	const draft = await DraftFolder.make(join(container, '0'));
	await draft.write('PG_VERSION', [Buffer.from('18\n')]);
	await draft.write('global/pg_control', [Buffer.from('control')]);
	await draft.makeFolder('pg_wal');
	return draft;
}

const namesIn = (folder: string) => (existsSync(folder) ? readdirSync(folder).sort() : 'nothing');

describe('a folder that becomes a data directory', () => {
	test('is made where it does not exist, and holds nothing else; only its owner may enter it', async () => {
		const folder = newFolder();
		await fillFolder({ folder }, 0, fill);
		expect(namesIn(folder)).toEqual(['PG_VERSION', 'global', 'pg_wal']);
		expect(statSync(folder).mode & 0o777).toBe(0o700);
	});

	test('may be there, and be a link, where it is empty', async () => {
		const folder = newFolder();
		mkdirSync(folder, { recursive: true });
		symlinkSync(folder, `${folder}-link`);
		await fillFolder({ folder: `${folder}-link` }, 0, fill);
		expect(namesIn(folder)).toEqual(['PG_VERSION', 'global', 'pg_wal']);
	});

	test('is refused where anything is in it, and stays as it is', async () => {
		const folder = newFolder();
		await fillFolder({ folder }, 0, fill);
		writeFileSync(join(folder, 'postmaster.pid'), '1');
		const before = namesIn(folder);
		await expect(fillFolder({ folder }, 0, fill)).rejects.toMatchObject({ code: 'TARGET_EXISTS' });
		expect(namesIn(folder)).toEqual(before);
	});

	test('is refused in the data directory of a server, also by way of a link', async () => {
		const folder = newFolder();
		await fillFolder({ folder }, 0, fill);
		symlinkSync(folder, `${folder}-link`);
		for (const inside of [join(folder, 'pg_wal', 'new'), join(`${folder}-link`, 'new', 'one')]) {
			await expect(fillFolder({ folder: inside }, 0, fill)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		}
		expect(namesIn(join(folder, 'pg_wal'))).toEqual([]);
	});

	test.each([
		['a path that is not absolute', { folder: 'data' }, 0, 'INVALID_INPUT'],
		['too little room', { folder: join(root, 'large') }, Number.MAX_SAFE_INTEGER, 'TARGET_FAILED'],
	])('is refused for %s', async (_, options, bytes, code) => {
		await expect(fillFolder(options, bytes, fill)).rejects.toMatchObject({ code });
		expect(existsSync(join(root, 'large'))).toBe(false);
	});

	test('is as it was where putting it together fails or is cancelled', async () => {
		const folder = newFolder();
		const failing = async (container: string) => {
			await fill(container);
			throw new Error('damage');
		};
		await expect(fillFolder({ folder }, 0, failing)).rejects.toMatchObject({ code: 'TARGET_FAILED' });
		expect(namesIn(folder)).toBe('nothing');
		mkdirSync(folder, { recursive: true });
		const controller = new AbortController();
		const cancelling = async (container: string) => {
			controller.abort();
			return await fill(container);
		};
		const options = { folder, signal: controller.signal };
		await expect(fillFolder(options, 0, cancelling)).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(namesIn(folder)).toEqual([]);
	});

	test('never takes the place of what somebody else has put there meanwhile', async () => {
		const folder = newFolder();
		const intruding = async (container: string) => {
			mkdirSync(join(dirname(container), 'pg_wal'));
			writeFileSync(join(dirname(container), 'pg_wal', 'theirs'), 'theirs');
			return await fill(container);
		};
		await expect(fillFolder({ folder }, 0, intruding)).rejects.toMatchObject({ code: 'TARGET_EXISTS' });
		expect(namesIn(folder)).toEqual(['pg_wal']);
		expect(namesIn(join(folder, 'pg_wal'))).toEqual(['theirs']);
	});
});

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';

import { thisHolder } from '../../../../../engine/archive/lock/holder';
import { DraftFolder } from '../../../../../engine/postgres/physical/recover/draftFolder';
import { fillFolder } from '../../../../../engine/postgres/physical/recover/targetFolder';
import { fillTar } from '../../../../../engine/postgres/physical/recover/targetTar';
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

	test('is cleared of what a recovery has left there that was killed, also of what had moved up already', async () => {
		const folder = newFolder();
		// A process that has the number of this one, and began at another time.
		const holder = thisHolder();
		const gone = { ...holder, process: { ...holder.process!, startedAtTick: '1' } };
		const left = join(folder, '.recovering_1');
		mkdirSync(join(left, '0', 'pg_wal'), { recursive: true });
		mkdirSync(join(folder, '.recovering_2'));
		mkdirSync(join(folder, 'global'));
		writeFileSync(join(folder, 'global', 'pg_control'), 'half');
		const leave = (state: object) => writeFileSync(join(left, 'state.json'), JSON.stringify(state));
		const moving = { from: '0', names: ['global', 'pg_wal'] };

		leave({ holder: { ...gone, process: { ...gone.process, boot: 'another machine' } }, moving });
		await expect(fillFolder({ folder }, 0, fill)).rejects.toMatchObject({ code: 'TARGET_EXISTS' });
		leave({ holder: gone, moving: { ...moving, names: ['../outside'] } });
		await expect(fillFolder({ folder }, 0, fill)).rejects.toMatchObject({ code: 'TARGET_EXISTS' });
		leave({ holder: gone });
		await expect(fillFolder({ folder }, 0, fill)).rejects.toThrow('it holds global');
		expect(namesIn(folder)).toEqual(['.recovering_1', '.recovering_2', 'global']);

		leave({ holder: gone, moving });
		await fillFolder({ folder }, 0, fill);
		expect(namesIn(folder)).toEqual(['PG_VERSION', 'global', 'pg_wal']);
		expect(readFileSync(join(folder, 'global', 'pg_control'), 'utf8')).toBe('control');
	});

	test('is left to the recovery that is at work there', async () => {
		const folder = newFolder();
		const other: unknown[] = [];
		await fillFolder({ folder }, 0, async (container) => {
			await fillFolder({ folder }, 0, fill).catch((error: unknown) => other.push(error));
			return await fill(container);
		});
		expect(other).toMatchObject([
			{ code: 'TARGET_EXISTS', hint: expect.stringContaining('Another recovery fills it') },
		]);
		expect(namesIn(folder)).toEqual(['PG_VERSION', 'global', 'pg_wal']);
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

describe('a tar of a data directory', () => {
	const unpacked = (file: string) => {
		const folder = `${file}.unpacked`;
		mkdirSync(folder);
		const bytes = file.endsWith('.zst') ? zstdDecompressSync(readFileSync(file)) : readFileSync(file);
		const isGzip = /gz$/.test(file);
		execFileSync('tar', ['-xpf', '-', '-C', folder, ...(isGzip ? ['-z'] : [])], { input: bytes });
		return folder;
	};

	test.each(['plain.tar', 'one.tar.gz', 'another.tgz', 'small.tar.zst'])('is one that tar opens: %s', async (name) => {
		const file = join(newFolder(), name);
		const size = await fillTar({ file }, 0, fill);
		expect(size).toBe(statSync(file).size);
		expect(statSync(file).mode & 0o777).toBe(0o600);
		expect(readdirSync(dirname(file))).toEqual([name]);
		const folder = unpacked(file);
		expect(namesIn(folder)).toEqual(['PG_VERSION', 'global', 'pg_wal']);
		expect(readFileSync(join(folder, 'global/pg_control'), 'utf8')).toBe('control');
		const modes = ['.', 'global', 'pg_wal', 'PG_VERSION'].map((one) => statSync(join(folder, one)).mode & 0o777);
		expect(modes).toEqual([0o700, 0o700, 0o700, 0o600]);
	});

	test('names the owner that was asked for, and PG_VERSION last', async () => {
		const file = join(newFolder(), 'owned.tar');
		await fillTar({ file, owner: { uid: 999, gid: 3_000_000 } }, 0, fill);
		const lines = execFileSync('tar', ['--numeric-owner', '-tvf', file], { encoding: 'utf8' }).trim().split('\n');
		expect(lines.every((line) => line.includes(' 999/3000000 '))).toBe(true);
		expect(lines[0]).toMatch(/^drwx------ .* \.\/$/);
		expect(lines.at(-1)).toMatch(/^-rw------- .* \.\/PG_VERSION$/);
	});

	test.each([
		['a name that says nothing of its form', 'data.zip', 'INVALID_INPUT'],
		['a name that exists', 'there.tar', 'TARGET_EXISTS'],
	])('is refused for %s', async (_, name, code) => {
		const file = join(newFolder(), name);
		mkdirSync(dirname(file), { recursive: true });
		writeFileSync(join(dirname(file), 'there.tar'), 'theirs');
		await expect(fillTar({ file }, 0, fill)).rejects.toMatchObject({ code });
		expect(readdirSync(dirname(file))).toEqual(['there.tar']);
		expect(readFileSync(join(dirname(file), 'there.tar'), 'utf8')).toBe('theirs');
	});

	test('is not there where putting it together fails, or somebody takes its name meanwhile', async () => {
		const file = join(newFolder(), 'data.tar');
		const failing = async () => await Promise.reject(new Error('damage'));
		await expect(fillTar({ file }, 0, failing)).rejects.toMatchObject({ code: 'TARGET_FAILED' });
		expect(readdirSync(dirname(file))).toEqual([]);
		const intruding = async (container: string) => {
			writeFileSync(file, 'theirs');
			return await fill(container);
		};
		await expect(fillTar({ file }, 0, intruding)).rejects.toMatchObject({ code: 'TARGET_EXISTS' });
		expect(readFileSync(file, 'utf8')).toBe('theirs');
		expect(readdirSync(dirname(file))).toEqual(['data.tar']);
	});
});

import { execFileSync } from 'node:child_process';
import {
	appendFileSync,
	linkSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	rmSync,
	symlinkSync,
	truncateSync,
	utimesSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { backUpFiles, type BackUpFilesOptions } from '../../../engine';
import { memberHeader, tarEnd } from '../../../engine/tar';
import { temporaryStorage } from '../../integration/archive/support';
import { settled } from '../../integration/settled';
import { folder } from '../../integration/files/stage';
import { noise } from '../../random/bytes';
import { runCommand } from './commands';

const random = noise('files-without-n8n');

const at = (root: string, name: string | Buffer) => Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name)]);
const LONG = `${'long '.repeat(40)}/${'deep '.repeat(40)}`;

function sample(): string {
	const root = folder();
	mkdirSync(path.join(root, LONG), { recursive: true });
	writeFileSync(path.join(root, LONG, 'file'), 'below long names');
	mkdirSync(path.join(root, 'docs'));
	writeFileSync(path.join(root, 'docs/large'), random(2_500_000));
	writeFileSync(path.join(root, 'docs/naïve – ünïcode'), 'ü', { mode: 0o640 });
	writeFileSync(at(root, Buffer.of(0x66, 0xff, 0xfe)), 'a name that is no text');
	writeFileSync(path.join(root, '-rf'), 'a name like an option');
	writeFileSync(path.join(root, 'a*?[x]'), 'a name like a pattern');
	writeFileSync(path.join(root, 'line\nfeed'), 'a name of two lines');
	writeFileSync(path.join(root, 'was a file'), 'file');
	mkdirSync(path.join(root, 'was a folder'));
	writeFileSync(path.join(root, 'was a folder/gone'), 'gone');
	linkSync(path.join(root, 'docs/large'), path.join(root, 'linked'));
	symlinkSync('docs/large', path.join(root, 'symlink'));
	utimesSync(path.join(root, '-rf'), 1_234_567_890.25, 1_234_567_890.25);
	return root;
}

function change(root: string): void {
	appendFileSync(path.join(root, '-rf'), '!');
	rmSync(path.join(root, 'was a file'));
	mkdirSync(path.join(root, 'was a file'));
	writeFileSync(path.join(root, 'was a file/new'), 'new');
	rmSync(path.join(root, 'was a folder'), { recursive: true });
	writeFileSync(path.join(root, 'was a folder'), 'a file now');
}

/** All that a user can see of a folder. */
function look(root: string, below = ''): Record<string, unknown> {
	const seen: Record<string, unknown> = {};
	for (const name of readdirSync(at(root, Buffer.from(below, 'latin1')), { encoding: 'latin1' })) {
		const relative = below === '' ? name : `${below}/${name}`;
		const file = at(root, Buffer.from(relative, 'latin1'));
		const { mode, mtimeMs, nlink, ...stat } = lstatSync(file);
		if ((mode & 0o170000) === 0o040000)
			Object.assign(seen, { [`${relative}/`]: { mode, mtimeMs } }, look(root, relative));
		else if ((mode & 0o170000) === 0o120000) seen[relative] = { link: readlinkSync(file) };
		else seen[relative] = { mode, mtimeMs, nlink, size: stat.size, content: readFileSync(file).toString('latin1') };
	}
	return seen;
}

function stage(options: Partial<BackUpFilesOptions> = {}) {
	const { storage, root: storageRoot } = temporaryStorage();
	const root = sample();
	const backUp = async () => {
		await settled(root);
		return await backUpFiles({
			storage,
			codec: { name: 'zstd' },
			root,
			name: 'documents',
			incremental: { wholeEvery: 0, leastUse: 0 },
			...options,
		});
	};
	return { root, backUp, archives: path.join(storageRoot, 'files') };
}

/** What the page says, in the folder of the archives. */
async function unpacked(archives: string, file: string): Promise<string> {
	const target = folder();
	const variables = { ARCHIVE: file, TARGET: target };
	await runCommand('files-needed', variables, archives);
	await runCommand('files-lists', variables, archives);
	await runCommand('files-incremental', variables, archives);
	return target;
}

describe('the commands of "Restore without n8n", for files', () => {
	it('unpack a whole backup', async () => {
		const { root, backUp, archives } = stage();
		const { file } = await backUp();
		const target = folder();
		await runCommand('files', { ARCHIVE: file, TARGET: target }, archives);
		expect(look(target)).toEqual(look(root));
	});

	it('put an incremental backup together, with all that has become something else', async () => {
		const { root, backUp, archives } = stage();
		await backUp();
		change(root);
		const { file, needs } = await backUp();
		expect(needs).toHaveLength(1);
		expect(look(await unpacked(archives, file))).toEqual(look(root));
	});

	it('put together what was committed in checkpoints', async () => {
		const { root, backUp, archives } = stage({ checkpointBytes: 1000 });
		const { file, needs } = await backUp();
		expect(needs!.length).toBeGreaterThan(3);
		expect(look(await unpacked(archives, file))).toEqual(look(root));
	});

	it('unpack an encrypted one, by way of gpg', async () => {
		const keys = { passphrase: 'correct horse' };
		const { root, backUp, archives } = stage({ encryption: keys, keys });
		const { file } = await backUp();
		const target = folder();
		const home = folder();
		const plain = file.replace(/\.gpg$/, '');
		execFileSync(
			'gpg',
			['--batch', '--pinentry-mode', 'loopback', '--passphrase', keys.passphrase, '-o', plain, '--decrypt', file],
			{ cwd: archives, env: { ...process.env, GNUPGHOME: home }, stdio: 'pipe' },
		);
		await runCommand('files', { ARCHIVE: plain, TARGET: target }, archives);
		expect(look(target)).toEqual(look(root));
	});
});

describe('GNU tar', () => {
	it('reads the headers of members of any size, name and attribute', () => {
		const tar = path.join(folder(), 'headers.tar');
		const facts = {
			mode: 0o644,
			uid: 3_000_000_000,
			gid: 0,
			modified: 1_500_000_000_250_000_000n,
			type: 'file',
		} as const;
		writeFileSync(
			tar,
			memberHeader({
				...facts,
				name: Buffer.from('huge'),
				size: 20 * 1024 ** 3,
				attributes: { 'user.comment': 'größe' },
			}),
		);
		// Its content is a hole.
		truncateSync(tar, lstatSync(tar).size + 20 * 1024 ** 3);
		appendFileSync(tar, tarEnd());
		const listing = execFileSync('tar', ['--xattrs', '-tvvf', tar, '--numeric-owner', '--utc', '--full-time'], {
			encoding: 'utf8',
		});
		// The asterisk stands for attributes.
		expect(listing).toMatch(/^-rw-r--r--\* 3000000000\/0 +21474836480 2017-07-14 02:40:00\S* huge\n/);
	});
});

/**
 * Folders beside `tar` through `zstd` and beside `restic`, on one disk: `npm run bench -- files [small files] [large files]
 * [rounds] [entries]`, 35,000, 4 and 3 by default. A whole backup, one of a folder in which nothing changed, a restore into an empty
 * folder. With a number of entries, then also a backup of as many empty files, for its memory. All take turns. What ours gives
 * besides the files is told by a second tar, which does as much: a SHA-256 of each file and of the archive, compared in a restore, and
 * all of it on the disk at the end. Neither of the others has restored files on the disk; ours has each before it gets its name.
 * Needs Debian's zstd and restic (npm run test:system installs them).
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { fillWithLarge, fillWithSmall } from './files-data';
import { compete, print, type Contender } from './measure';

const LARGE_MEBIBYTES = 256;

interface Run {
	what: 'backup' | 'incremental' | 'restore';
	root: string;
	storage: string;
}

function ours(peer: string, { what, root, storage }: Run, prepare?: () => void): Contender {
	return {
		name: 'n8n-nodes-stack-backup',
		peer,
		prepare: async () => await Promise.resolve(prepare?.()),
		run: async () => {
			const args = [path.join(__dirname, 'files-run.mjs'), what, root, storage];
			const { stdout } = await promisify(execFile)(process.execPath, args);
			return JSON.parse(stdout) as { seconds: number; cpu: number; megabytes: number; bytes: number };
		},
	};
}

function shell(name: string, command: string, result?: string, prepare?: () => void, peer?: string): Contender {
	return {
		name,
		...(peer !== undefined && { peer }),
		prepare: async () => await Promise.resolve(prepare?.()),
		run: async () => {
			const env = { ...process.env, RESTIC_PASSWORD: 'bench', RESTIC_PROGRESS_FPS: '0.01' };
			await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', command], { env, maxBuffer: 1e9 });
			return result !== undefined && existsSync(result) ? { bytes: statSync(result).size } : {};
		},
	};
}

async function compare(title: string, work: string, root: string, rounds: number): Promise<void> {
	const at = (name: string) => path.join(work, name);
	const emptied = (name: string) => () => {
		rmSync(at(name), { recursive: true, force: true });
		mkdirSync(at(name));
	};
	const [tar, checked, restic] = ['tar | zstd -3', 'tar | zstd -3, SHA-256, sync', 'restic'];
	const cache = `--quiet --cache-dir ${at('cache')}`;
	const freshRepository = () => {
		emptied('repository')();
		emptied('cache')();
	};
	const init = `restic ${cache} -r ${at('repository')} init >/dev/null`;
	const backUp = `restic ${cache} -r ${at('repository')} backup ${root}`;
	const archive = at('peer.tar.zst');
	const sums = at('peer.sums');
	const sum = `(cd ${root} && find . -type f -print0 | xargs -0 sha256sum >${sums})`;
	const storage = at('storage');
	const cases: [string, Contender[]][] = [
		[
			'whole backup',
			[
				shell(tar, `tar -C ${root} -c . | zstd -3 -q -f -o ${archive}; sync ${archive}`, archive),
				shell(
					checked,
					`${sum}; tar -C ${root} -c . | zstd -3 -q | tee ${archive} | sha256sum >>${sums}.archive; sync ${archive}`,
					archive,
					undefined,
					tar,
				),
				ours(tar, { what: 'backup', root, storage }, emptied('storage')),
				shell(restic, `${init}; ${backUp}`, undefined, freshRepository),
			],
		],
		[
			'nothing changed',
			[
				shell(
					'tar --listed-incremental',
					`cp ${at('full.snar')} ${at('next.snar')}; tar -C ${root} -c -g ${at('next.snar')} . | zstd -3 -q -f -o ${archive}.1`,
					`${archive}.1`,
					() => {
						if (!existsSync(at('full.snar'))) writeFileSync(at('full.snar'), '');
					},
				),
				ours(restic, { what: 'incremental', root, storage }),
				shell(restic, backUp),
			],
		],
		[
			'restore',
			[
				shell(tar, `zstd -dc ${archive} | tar -C ${at('tar')} -x`, undefined, emptied('tar')),
				shell(
					checked,
					`zstd -dc ${archive} | tar -C ${at('tar')} -x; sync -f ${at('tar')}; cd ${at('tar')}; sha256sum -c --quiet ${sums}`,
					undefined,
					emptied('tar'),
					tar,
				),
				ours(tar, { what: 'restore', root: at('ours'), storage }, emptied('ours')),
				shell(
					restic,
					`restic ${cache} -r ${at('repository')} restore latest --target ${at('restic')}`,
					undefined,
					emptied('restic'),
				),
			],
		],
	];
	for (const [what, contenders] of cases) {
		if (what === 'nothing changed') {
			const snapshot = `tar -C ${root} -c -g ${at('full.snar')} . | cat >/dev/null`;
			await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', snapshot]);
		}
		print(`${title}: ${what}`, await compete(contenders, rounds));
	}
	for (const name of ['tar', 'ours', 'restic', 'repository', 'cache', 'storage', 'full.snar']) {
		rmSync(at(name), { recursive: true, force: true });
	}
}

function fillWithEmpty(root: string, entries: number): void {
	for (let index = 0; index < entries; index++) {
		const folder = path.join(root, `folder-${Math.floor(index / 1000)}`);
		if (index % 1000 === 0) mkdirSync(folder, { recursive: true });
		writeFileSync(path.join(folder, `empty-${index}`), '');
	}
}

async function main(small: number, large: number, rounds: number, entries: number): Promise<void> {
	const work = mkdtempSync(path.join(tmpdir(), 'bench-files-'));
	const root = path.join(work, 'root');
	const inMegabytes = (bytes: number) => Math.round(bytes / 1e6);
	try {
		if (small > 0) {
			const bytes = fillWithSmall(root, small);
			await compare(`${small} small files, ${inMegabytes(bytes)} MB`, work, root, rounds);
			rmSync(root, { recursive: true });
		}
		if (large > 0) {
			const bytes = fillWithLarge(root, large, LARGE_MEBIBYTES);
			await compare(`${large} large files, ${inMegabytes(bytes)} MB`, work, root, rounds);
			rmSync(root, { recursive: true });
		}
		if (entries > 0) {
			fillWithEmpty(root, entries);
			await compare(`${entries} empty files`, work, root, 1);
		}
	} finally {
		rmSync(work, { recursive: true, force: true });
	}
}

const [small = '35000', large = '4', rounds = '3', entries = '0'] = process.argv.slice(2);
void main(Number(small), Number(large), Number(rounds), Number(entries));

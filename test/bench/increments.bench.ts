/**
 * What an increment of a large folder costs beside the whole backup before it: `npm run bench -- increments [large files] [small
 * files]`, 20 of 256 MiB and 5,000 by default. Nothing changed; a hundredth of all bytes changed, in small files, of which a few are
 * new and a few gone; a line was added to one large file. Then all of it is restored from the four archives.
 */
import { execFile } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { noise } from '../random/bytes';
import { fillWithLarge, fillWithSmall } from './files-data';
import { compete, print, type Contender } from './measure';

const LARGE_MEBIBYTES = 256;
const CHANGED_BYTES = 256 * 1024;
/** Files that were changed right before a backup are read again by the next one: see engine/tree/folder/state.ts. */
const TICK_MS = 500;

const WHOLE = 'whole';

function ours(name: string, args: string[], prepare: () => void): Contender {
	return {
		name,
		peer: WHOLE,
		prepare: async () => {
			prepare();
			await new Promise((resolve) => setTimeout(resolve, TICK_MS));
		},
		run: async () => {
			const { stdout } = await promisify(execFile)(process.execPath, [path.join(__dirname, 'files-run.mjs'), ...args]);
			return JSON.parse(stdout) as { seconds: number; cpu: number; megabytes: number; bytes: number };
		},
	};
}

async function main(large: number, small: number): Promise<void> {
	const work = mkdtempSync(path.join(tmpdir(), 'bench-increments-'));
	const [root, storage, restored] = ['root', 'storage', 'restored'].map((name) => path.join(work, name));
	if (!root || !storage || !restored) return;
	mkdirSync(storage);
	try {
		const bytes = fillWithLarge(path.join(root, 'large'), large, LARGE_MEBIBYTES) + fillWithSmall(root, small);
		const content = noise('bench/increments');
		const files = Math.ceil(bytes / 100 / CHANGED_BYTES);
		mkdirSync(path.join(root, 'changing'));
		const write = (from: number, to: number) => {
			for (let index = from; index < to; index++) {
				writeFileSync(path.join(root, 'changing', `${index}`), content(CHANGED_BYTES));
			}
		};
		write(0, files);
		const change = () => {
			rmSync(path.join(root, 'changing', '0'));
			write(1, files + 1);
		};
		const incremental = ['incremental', root, storage];
		const title = `${large + small} files, ${Math.round(bytes / 1e6)} MB`;
		const results = await compete(
			[
				ours(WHOLE, ['backup', root, storage], () => {}),
				ours('nothing changed', incremental, () => {}),
				ours('1 % changed', incremental, change),
				ours('a line more in a large file', incremental, () => {
					appendFileSync(path.join(root, 'large', 'model-0.gguf'), 'one line more\n');
				}),
				ours('restore of all', ['restore', restored, storage], () => {}),
			],
			1,
		);
		print(title, results);
	} finally {
		rmSync(work, { recursive: true, force: true });
	}
}

const [large = '20', small = '5000'] = process.argv.slice(2);
void main(Number(large), Number(small));

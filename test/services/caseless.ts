/** A file system that takes `a` and `A` for one: NTFS, as Windows has it. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, onTestFinished } from 'vitest';

import { removeFolder, temporaryFolder } from './guard';

/** The path of a folder there that is still to be made. @param options more of those that it is mounted with */
export function caseless(...options: string[]): string {
	const folder = temporaryFolder('caseless');
	onTestFinished(() => removeFolder(folder));
	const image = path.join(folder, 'ntfs');
	const root = path.join(folder, 'mounted');
	mkdirSync(root);
	writeFileSync(image, '');
	truncateSync(image, 128 * 1024 * 1024);
	execFileSync('mkntfs', ['-q', '-F', '-f', image], { stdio: 'ignore' });
	execFileSync('lowntfs-3g', ['-o', ['ignore_case', ...options].join(), image, root]);
	onTestFinished(() => void execFileSync('umount', ['--lazy', root]));
	writeFileSync(path.join(root, 'probe'), '');
	expect(existsSync(path.join(root, 'PROBE'))).toBe(true);
	return path.join(root, 'copy');
}

/** A folder with all that tars can hold of one, and what can be seen of it. */
import {
	chmodSync,
	closeSync,
	ftruncateSync,
	linkSync,
	lstatSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	statSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
	writeSync,
} from 'node:fs';
import path from 'node:path';

import { noise } from '../../../random/bytes';
import { folder } from '../stage';

const random = noise('files/foreign');

const at = (root: string, name: string, encoding: BufferEncoding = 'latin1') =>
	Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name, encoding)]);

export const LONG = `${'long'.repeat(20)}/${'deep'.repeat(20)}/${'n'.repeat(200)}`;

/**
 * @param times below the second, where the program and its format keep them
 * @param odd names that are no text, or hold a line feed
 */
export function sample({ times = true, odd = true } = {}): string {
	const root = folder();
	mkdirSync(path.join(root, path.dirname(LONG)), { recursive: true });
	mkdirSync(path.join(root, 'empty'));
	mkdirSync(path.join(root, 'docs'));
	writeFileSync(path.join(root, LONG), 'below long names');
	writeFileSync(path.join(root, 'docs/large'), random(2_500_001));
	writeFileSync(path.join(root, 'docs/nothing'), '');
	writeFileSync(path.join(root, 'docs/naïve – ünïcode'), 'ü', { mode: 0o640 });
	if (odd) writeFileSync(at(root, 'f\xff\xfe'), 'a name that is no text');
	if (odd) writeFileSync(path.join(root, 'line\nfeed'), 'a name of two lines');
	writeFileSync(path.join(root, 'run.sh'), '#!/bin/sh\n');
	chmodSync(path.join(root, 'run.sh'), 0o755);
	linkSync(path.join(root, 'run.sh'), path.join(root, 'docs/run-too.sh'));
	symlinkSync('../docs/large', path.join(root, 'docs/symlink'));
	symlinkSync(`/nowhere/${'x'.repeat(150)}`, path.join(root, 'dangling'));
	const sparse = openSync(path.join(root, 'sparse'), 'w');
	for (let index = 0; index < 30; index++) writeSync(sparse, random(4096), 0, 4096, 131_072 * index + 65_536);
	ftruncateSync(sparse, 5_000_000);
	closeSync(sparse);
	const second = times ? 1_234_567_890.25 : 1_234_567_890;
	for (const name of ['docs/large', 'docs/naïve – ünïcode', 'docs', 'empty', 'sparse', 'run.sh', LONG]) {
		utimesSync(path.join(root, name), second, second);
	}
	return root;
}

/** All of a folder that a restore brings back. Times in milliseconds, of what `times` names: others are of when the sample was made. */
export function seen(root: string, below = ''): Record<string, unknown> {
	const found: Record<string, unknown> = {};
	for (const name of readdirSync(path.join(root, below), { encoding: 'latin1' })) {
		const relative = path.join(below, name);
		const file = at(root, relative);
		const stat = lstatSync(file);
		const facts = { mode: stat.mode & 0o777, time: timeOf(stat.mtimeMs) };
		if (stat.isDirectory()) Object.assign(found, { [`${relative}/`]: facts }, seen(root, relative));
		else if (stat.isSymbolicLink()) found[relative] = { link: readlinkSync(file, { encoding: 'latin1' }) };
		else found[relative] = { ...facts, links: stat.nlink, content: readFileSync(file).toString('base64') };
	}
	return found;
}

function timeOf(milliseconds: number): number | undefined {
	return milliseconds < 1_300_000_000_000 ? Math.round(milliseconds) : undefined;
}

/** Whether a file takes less room than it has bytes. */
export function isSparse(file: string): boolean {
	const { blocks, size } = statSync(file);
	return blocks * 512 < size;
}

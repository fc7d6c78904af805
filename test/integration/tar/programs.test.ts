import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, linkSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ByteCursor } from '../../../engine/archive/cursor';
import { tarEnd, tarHeader, tarPadding, type TarMember, walkTar } from '../../../engine/tar';
import { inPieces } from '../../unit/tar/build-tar';

const LONG = `${'folder/'.repeat(20)}${'n'.repeat(90)}`;
const SPARSE_BYTES = 5_000_000;

let folder: string;

beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), 'tar-'));
	mkdirSync(join(folder, 'folder/'.repeat(20)), { recursive: true });
	writeFileSync(join(folder, LONG), 'long');
	writeFileSync(join(folder, 'Grüße.txt'), 'x'.repeat(5000));
	linkSync(join(folder, 'Grüße.txt'), join(folder, 'hard'));
	symlinkSync(LONG, join(folder, 'soft'));
	const sparse = openSync(join(folder, 'sparse'), 'w');
	for (let at = 0; at < 12; at++) writeSync(sparse, 'data', 400_000 * at);
	ftruncateSync(sparse, SPARSE_BYTES);
	closeSync(sparse);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function walked(archive: Buffer): Promise<Map<string, TarMember>> {
	const found = new Map<string, TarMember>();
	const visit = (member: TarMember) => void found.set(member.name, member);
	await walkTar(new ByteCursor(inPieces(archive, 10_000)), visit, { dialect: 'any' });
	return found;
}

describe('what GNU tar writes', () => {
	it.each(['gnu', 'oldgnu', 'pax'])('is walked in its format %s', async (format) => {
		const archive = join(folder, `${format}.tar`);
		const files = [LONG, 'Grüße.txt', 'hard', 'soft', 'sparse'];
		execFileSync('tar', [`--format=${format}`, '--sparse', '-C', folder, '-cf', archive, ...files]);
		const members = await walked(readFileSync(archive));
		expect(members.size).toBe(5);
		expect(members.get(LONG)).toMatchObject({ type: 'file', size: 4 });
		expect(members.get('Grüße.txt')).toMatchObject({ type: 'file', size: 5000 });
		expect(members.get('hard')).toMatchObject({ type: 'link', size: 0 });
		expect(members.get('soft')).toMatchObject({ type: 'symlink', size: 0 });
		expect(members.get('sparse')).toMatchObject({ type: 'file', size: SPARSE_BYTES });
		expect(members.get('soft')?.target.toString()).toBe(LONG);
	});
});

describe('what we write', () => {
	it('is unpacked by GNU tar, whatever the names', () => {
		const names = ['short.snapshot', LONG, 'Grüße/日本.txt'];
		const content = (name: string) => Buffer.from(`content of ${name}`);
		const written = names.flatMap((name) => {
			const bytes = content(name);
			return [tarHeader(name, bytes.length, new Date(0)), bytes, tarPadding(bytes.length)];
		});
		const target = join(folder, 'unpacked');
		mkdirSync(target);
		execFileSync('tar', ['-x', '-C', target], { input: Buffer.concat([...written, tarEnd()]) });
		for (const name of names) expect(readFileSync(join(target, name)).equals(content(name))).toBe(true);
	});
});

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { prepareEncryption } from '../../../../engine/archive';
import { collect } from '../../archive/support';
import { END_MARK, inPieces, tarOf, type BuiltMember } from '../../../unit/tar/build-tar';
import { folder } from '../stage';
import { stageWithWayOut } from '../way-out';
import { restoreFrom, tarFrom } from './stage';

const link = (name: string, target: string, type: '1' | '2' = '2'): BuiltMember => ({ name, type, target });
const BOTH = ['fail', 'skip', 'overwrite'] as const;

describe('a tar that was made to do harm', () => {
	for (const [what, members] of Object.entries<BuiltMember[]>({
		'an absolute name': [{ name: '/tmp/x', content: 'evil' }],
		'a name that climbs': [{ name: 'a' }, { name: 'a/../../outside/x', content: 'evil' }],
		'a folder that climbs': [{ name: '../outside/', type: '5' }],
		'a hard link that climbs': [link('a', '../outside/kept', '1')],
		'an absolute hard link': [link('a', '/etc/passwd', '1')],
		'a hard link to nothing': [link('a', 'way/kept', '1')],
		'hard links in a circle': [link('a', 'b', '1'), link('b', 'a', '1')],
		'a hard link to a folder': [{ name: 'd/', type: '5' }, link('a', 'd', '1')],
		'a link with entries below': [link('l', '../outside'), { name: 'l/x', content: 'evil' }],
		'a link that takes the place of a folder': [
			{ name: 'l/', type: '5' },
			{ name: 'l/x', content: 'evil' },
			link('l', '../outside'),
		],
		'a file with entries below': [{ name: 'l' }, { name: 'l/x', content: 'evil' }],
		'a hard link with entries below': [{ name: 'f' }, link('l', 'f', '1'), { name: 'l/x' }],
		'a link to nothing that can be': [link('l', '')],
		'a name of no system': [{ name: 'PaxHeader', type: 'x', content: record('path', 'n'.repeat(5000)) }, { name: 'n' }],
		'a name with a zero in it': [{ name: 'PaxHeader', type: 'x', content: record('path', 'a\0b') }, { name: 'n' }],
	})) {
		it(`by ${what} is refused before anything is written`, async () => {
			const { target, assertUntouched } = stageWithWayOut();
			for (const existing of BOTH) {
				await expect(restoreFrom(tarOf({ name: '!' }, ...members), target, { existing })).rejects.toMatchObject({
					code: 'ARCHIVE_CORRUPT',
				});
				expect(readdirSync(target)).toEqual(['way']);
				assertUntouched();
			}
		});
	}

	for (const [what, members] of Object.entries<BuiltMember[]>({
		'a file below a link of the target': [{ name: 'way/x', content: 'evil' }],
		'a folder below a link of the target': [{ name: 'way/x/', type: '5' }],
		'a link below a link of the target': [link('way/x', 'y')],
		'a hard link to a file behind a link': [{ name: 'way/kept', content: 'kept' }, link('a', 'way/kept', '1')],
		'a file in the place of a link': [{ name: 'way', content: 'evil' }],
		'an empty folder in the place of a link': [{ name: 'way/', type: '5' }],
	})) {
		it(`by ${what} touches nothing outside`, async () => {
			for (const existing of BOTH) {
				const { target, assertUntouched } = stageWithWayOut();
				await restoreFrom(tarOf(...members), target, { existing }).catch(() => {});
				assertUntouched();
			}
		});
	}

	it('is cut off at any place, and nothing is written', async () => {
		const whole = tarOf({ name: 'a', content: 'x'.repeat(700) }, { name: 'b', content: 'y' });
		const packed = gzipSync(whole);
		const target = folder();
		for (let length = 1; length < whole.length; length += 97) {
			await expect(restoreFrom(whole.subarray(0, length), target)).rejects.toMatchObject({ name: 'BackupError' });
		}
		for (let length = 1; length < packed.length; length += 7) {
			await expect(restoreFrom(packed.subarray(0, length), target)).rejects.toMatchObject({ name: 'BackupError' });
		}
		expect(readdirSync(target)).toEqual([]);
	});

	it('becomes another one between its two readings: nothing of that gets a name', async () => {
		const first = tarOf({ name: 'a', content: 'good' }, { name: 'b', content: 'good' });
		for (const second of [
			tarOf({ name: 'a', content: 'evil' }, { name: 'b', content: 'good' }),
			tarOf({ name: 'x', content: 'good' }, { name: 'b', content: 'good' }),
			tarOf(link('a', '..'), { name: 'b', content: 'good' }),
			tarOf({ name: 'a', content: 'x'.repeat(3_000_000) }),
		]) {
			let opened = 0;
			const open = async () => await Promise.resolve(inPieces(opened++ === 0 ? first : second, 10_000));
			const target = folder();
			await expect(restoreFrom(tarFrom(first, { open }), target)).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
			expect(readdirSync(target)).toEqual([]);
		}
	});
});

describe('a tar of others', () => {
	it('is decrypted, and refused where it must be encrypted and is not', async () => {
		const bytes = tarOf({ name: 'a', content: 'secret' });
		const keys = { passphrase: 'a long passphrase' };
		const target = folder();
		const message = await collect((await prepareEncryption(keys))!.encrypt(inPieces(gzipSync(bytes))));
		await restoreFrom(tarFrom(message, { keys, mustBeEncrypted: true }), target);
		expect(readFileSync(path.join(target, 'a'), 'utf8')).toBe('secret');
		const plain = restoreFrom(tarFrom(bytes, { keys, mustBeEncrypted: true }), target);
		await expect(plain).rejects.toMatchObject({ code: 'NOT_AUTHENTIC' });
		await expect(restoreFrom(tarFrom(message), target)).rejects.toMatchObject({ code: 'KEY_MISSING' });
	});

	for (const [magic, what] of [
		['BZh91AY&SY', 'bzip2'],
		['\xfd7zXZ\0\0\x04', 'xz'],
		['PK\x03\x04', 'zip'],
		['nothing at all', 'no tar'],
	] as const) {
		it(`that is none, but ${what}, is refused with what to do`, async () => {
			const bytes = Buffer.from(magic.padEnd(2000, 'x'), 'latin1');
			await expect(restoreFrom(bytes, folder())).rejects.toMatchObject({
				code: 'INVALID_INPUT',
				message: expect.stringContaining(what) as string,
				hint: expect.stringMatching(/\w/) as string,
			});
		});
	}

	it('that does not fit where it goes restores nothing, what is the same stays, and the rest as was chosen', async () => {
		const target = folder();
		const bytes = tarOf({ name: 'a', content: 'theirs' }, { name: 'b', content: 'theirs' }, link('c', 'a', '1'));
		writeFileSync(path.join(target, 'a'), 'ours');
		await expect(restoreFrom(bytes, target)).rejects.toMatchObject({ code: 'TARGET_EXISTS' });
		expect(readdirSync(target)).toEqual(['a']);
		expect(await restoreFrom(bytes, target, { existing: 'skip' })).toMatchObject({ written: 1, skipped: 2 });
		expect(readdirSync(target).sort()).toEqual(['a', 'b']);
		expect(readFileSync(path.join(target, 'a'), 'utf8')).toBe('ours');
		expect(await restoreFrom(bytes, target, { existing: 'overwrite' })).toMatchObject({ overwritten: 2, written: 3 });
		expect(readFileSync(path.join(target, 'c'), 'utf8')).toBe('theirs');
		await expect(restoreFrom(bytes, target, { existing: 'overwrite', confirmation: '/' })).rejects.toMatchObject({
			code: 'NOT_CONFIRMED',
		});
	});

	it('that holds names for a folder and for what is not one takes the last of each, and a name twice in one is no other', async () => {
		const target = folder();
		const bytes = tarOf(
			{ name: './', type: '5' },
			{ name: 'a', content: 'a file first' },
			{ name: 'a/', type: '5' },
			{ name: './a//b', content: 'first' },
			{ name: 'a/./b', content: 'last' },
			link('f', 'a', '2'),
			{ name: 'f', content: 'a file at last' },
			link('later', 'target', '1'),
			{ name: 'target', content: 'later' },
		);
		await restoreFrom(bytes, target);
		expect(readFileSync(path.join(target, 'a/b'), 'utf8')).toBe('last');
		expect(readFileSync(path.join(target, 'f'), 'utf8')).toBe('a file at last');
		expect(readFileSync(path.join(target, 'later'), 'utf8')).toBe('later');
		expect(readdirSync(target).sort()).toEqual(['a', 'f', 'later', 'target']);
	});

	it('that is cancelled leaves whole files alone', async () => {
		const target = folder();
		const controller = new AbortController();
		const bytes = tarOf({ name: 'a', content: 'a' }, { name: 'b', content: 'x'.repeat(3_000_000) }, { name: 'c' });
		const onProgress = () => controller.abort();
		const restored = restoreFrom(bytes, target, { signal: controller.signal, onProgress });
		await expect(restored).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(readdirSync(target).filter((name) => name.endsWith('.partial'))).toEqual([]);
		expect(existsSync(path.join(target, 'c'))).toBe(false);
		expect(await restoreFrom(Buffer.concat([bytes, END_MARK]), target)).toMatchObject({ skipped: 0 });
	});
});

function record(key: string, value: string): string {
	const rest = ` ${key}=${value}\n`;
	let length = rest.length;
	while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
	return `${length}${rest}`;
}

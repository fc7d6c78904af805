import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { detectDump, detectFormat } from '../../../../engine/postgres/foreign';
import { collect, inPieces } from './read-blocks';
import { writeArchive } from './write-archive';

const SQL = Buffer.from('--\n-- PostgreSQL database dump\n--\n\nSELECT 1;\n');
const ARCHIVE = writeArchive({ minor: 14, compression: 'gzip', entries: [], blocks: [] }).bytes;

function tar(name: string): Buffer {
	const header = Buffer.alloc(512);
	header.write(name);
	header.write('ustar', 257);
	return header;
}

describe('what a file is', () => {
	it.each<[string, Buffer, string, string[], Buffer]>([
		['plain SQL', SQL, 'plain', [], SQL],
		[
			'SQL that begins with a letter beyond ASCII',
			Buffer.from('-- é\nSET x = 1;'),
			'plain',
			[],
			Buffer.from('-- é\nSET x = 1;'),
		],
		['a command of psql', Buffer.from('\\connect shop'), 'plain', [], Buffer.from('\\connect shop')],
		['nothing but the beginning of a comment', Buffer.from('/* '), 'plain', [], Buffer.from('/* ')],
		['SQL with a byte order mark', Buffer.from('\ufeffSELECT 1;'), 'plain', [], Buffer.from('\ufeffSELECT 1;')],
		['one byte', Buffer.from(';'), 'plain', [], Buffer.from(';')],
		['a custom-format archive', ARCHIVE, 'custom', [], ARCHIVE],
		['gzip', gzipSync(SQL), 'plain', ['gzip'], SQL],
		['gzip with zeros behind it', Buffer.concat([gzipSync(SQL), Buffer.alloc(9000)]), 'plain', ['gzip'], SQL],
		[
			'several members of gzip',
			Buffer.concat([gzipSync(SQL), gzipSync(SQL)]),
			'plain',
			['gzip'],
			Buffer.concat([SQL, SQL]),
		],
		[
			'several frames of zstd',
			Buffer.concat([zstdCompressSync(SQL), zstdCompressSync(SQL)]),
			'plain',
			['zstd'],
			Buffer.concat([SQL, SQL]),
		],
		['an archive in zstd', zstdCompressSync(ARCHIVE), 'custom', ['zstd'], ARCHIVE],
		['gzip in zstd', zstdCompressSync(gzipSync(SQL)), 'plain', ['zstd', 'gzip'], SQL],
	])('is found by its contents: %s', async (_, bytes, format, wrappers, contents) => {
		for (const size of [1, 100_000]) {
			const detected = await detectDump(inPieces(bytes, size));
			expect(detected).toMatchObject({ format, wrappers });
			expect(await collect(detected.stream)).toBe(contents.toString('latin1'));
		}
	});

	it.each<[string, Buffer, RegExp]>([
		['a dump in tar format', tar('toc.dat'), /dump in tar format/],
		['a tar archive', tar('dump/toc.dat'), /a tar archive/],
		['the toc.dat of the directory format', Buffer.from('PGDMP\x01\x0e\x00\x04\x08\x05'), /directory format/],
		['UTF-16 with its mark', Buffer.from('\ufeffSELECT 1;', 'utf16le'), /UTF-16/],
		['UTF-16 without it', Buffer.from('SELECT 1;', 'utf16le'), /UTF-16/],
		['an image', Buffer.from('\x7fELF\0\0\0\0'), /neither/],
		['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0, 0]), /xz/],
		['zip', Buffer.from('PK\x03\x04....'), /zip/],
		['MySQL', Buffer.from('-- MySQL dump 10.13\n'), /MySQL/],
		['SQLite', Buffer.from('PRAGMA foreign_keys=OFF;\n'), /SQLite/],
		['prose', Buffer.from('Dear all, here is the dump; have fun.\n'), /text, but not SQL/],
		['a log', Buffer.from('pg_dump: error: connection refused\n'), /text, but not SQL/],
		['a word that begins as one of SQL’s', Buffer.from('Settings of the shop\n'), /text, but not SQL/],
		['a letter beyond ASCII', Buffer.from('é'), /text, but not SQL/],
		['a web page', Buffer.from('<!DOCTYPE html><html>'), /not SQL/],
	])('is refused with what to do instead: %s', (_, head, message) => {
		expect(() => detectFormat(head)).toThrow(
			expect.objectContaining({
				code: 'INVALID_INPUT',
				message: expect.stringMatching(message),
				hint: expect.stringMatching(/.{20}/),
			}),
		);
	});

	it('is refused when it is empty, also inside of a wrapper', async () => {
		for (const bytes of [Buffer.alloc(0), gzipSync('')]) {
			await expect(detectDump(inPieces(bytes))).rejects.toMatchObject({ code: 'ARCHIVE_INCOMPLETE' });
		}
	});

	it.each(['gzip', 'zstd'])('is found out to be cut off or damaged: %s', async (name) => {
		const pack = name === 'gzip' ? gzipSync : zstdCompressSync;
		const rows = Buffer.from(Array.from({ length: 50_000 }, (_, row) => `--${(row * 7919) % 65_521}\n`).join(''));
		const packed = pack(rows);
		const read = async (bytes: Buffer) => collect((await detectDump(inPieces(bytes))).stream);
		await expect(read(packed.subarray(0, packed.length - 20))).rejects.toMatchObject({ code: 'ARCHIVE_INCOMPLETE' });
		const damaged = Buffer.from(packed);
		damaged.fill(0xff, 20_000, 20_100);
		await expect(read(damaged)).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
	});

	it('is decrypted by whoever can', async () => {
		const message = Buffer.from([0xc3, 0x0d, 0x04, 0x09, 0x03, 0x08, ...Buffer.from('secret')]);
		await expect(detectDump(inPieces(message))).rejects.toMatchObject({ code: 'KEY_MISSING' });
		const detected = await detectDump(inPieces(message), { decrypt: () => inPieces(gzipSync(SQL)) });
		expect(detected).toMatchObject({ format: 'plain', wrappers: ['openpgp', 'gzip'] });
		expect(await collect(detected.stream)).toBe(SQL.toString());
	});

	it('passes the source’s own error on, and lets the source go', async () => {
		let closed = 0;
		async function* failing(after: Buffer) {
			try {
				yield after;
				throw new Error('the line went dead');
			} finally {
				closed++;
			}
		}
		const packed = gzipSync(
			Buffer.concat(Array.from({ length: 20_000 }, (_, row) => Buffer.from(`--${row * 7919}\n`))),
		);
		await expect(detectDump(failing(SQL))).rejects.toThrow('the line went dead');
		const read = async () => collect((await detectDump(failing(packed.subarray(0, 30_000)))).stream);
		await expect(read()).rejects.toThrow('the line went dead');
		const left = await detectDump(inPieces(packed));
		for await (const chunk of left.stream) if (chunk.length > 0) break;
		expect(closed).toBe(2);
	});
});

describe('what follows the data of gzip', () => {
	it.each<[string, Buffer]>([
		['other bytes', Buffer.from('garbage')],
		['zeros and other bytes', Buffer.concat([Buffer.alloc(600), Buffer.from('x')])],
		['zeros and another member', Buffer.concat([Buffer.alloc(3), gzipSync(SQL)])],
	])('is an error where it is %s', async (_, tail) => {
		for (const size of [1, 100_000]) {
			const read = async () => collect((await detectDump(inPieces(Buffer.concat([gzipSync(SQL), tail]), size))).stream);
			await expect(read()).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
		}
	});
});

import { describe, expect, it } from 'vitest';

import { SEEDS, staged } from '../../../../../engine/postgres/physical/checksum';
import { PageCheck } from '../../../../../engine/postgres/physical/base/pageCheck';
import { pageChecksum } from '../../../../../engine/postgres/physical/base/pageChecksum';
import { relationFile } from '../../../../../engine/postgres/physical/base/relationFile';
import { noise } from '../../../../random/bytes';

const PAGE = 8192;
const LAYOUT = { blockBytes: PAGE, relationFileBytes: 4 * PAGE, startLsn: 0x2_0000_1000n };
const random = noise('postgres/physical/pages');

/** A page with some content, changed at this position of the log, whose checksum is that of this block. */
function page(block: number, lsn = 0x1_0000_0000n): Buffer {
	const bytes = Buffer.from(random(PAGE));
	bytes.writeUInt32LE(Number(lsn >> 32n), 0);
	bytes.writeUInt32LE(Number(lsn & 0xffff_ffffn), 4);
	bytes.writeUInt16LE(0, 8);
	bytes.writeUInt16LE(PAGE, 14);
	bytes.writeUInt16LE(pageChecksum(bytes, block), 8);
	return bytes;
}

/** Hands a file to a check in pieces of all lengths, at whatever place in memory. */
function check(path: string, content: Buffer, layout = LAYOUT): PageCheck {
	const pages = new PageCheck(layout);
	pages.begin(path);
	for (let at = 0, length = 1; at < content.length; at += length, length = (length * 7919 + 13) % 20_000) {
		pages.take(Buffer.concat([Buffer.alloc(1), content.subarray(at, at + length)]).subarray(1));
	}
	return pages;
}

/** The same as PostgreSQL's checksum_impl.h has it, one hash after the other. */
function slowChecksum(page: Buffer, block: number): number {
	const bytes = Buffer.from(page).fill(0, 8, 10);
	const mixed = (hash: number, word: number) => Math.imul(hash ^ word, 16_777_619) ^ ((hash ^ word) >>> 17);
	let all = 0;
	for (let lane = 0; lane < 32; lane++) {
		let hash = SEEDS[lane]!;
		for (let at = 4 * lane; at < bytes.length; at += 128) hash = mixed(hash, bytes.readInt32LE(at));
		all ^= mixed(mixed(hash, 0), 0);
	}
	return (((all ^ block) >>> 0) % 65_535) + 1;
}

describe('the checksum of a page', () => {
	it.each([1024, PAGE, 32_768])('of %i bytes is that of PostgreSQL, wherever it lies', (size) => {
		// Blocks of a relation of PostgreSQL 18 are compared in the tests of base backups.
		for (let block = 0; block < 5; block++) {
			const bytes = Buffer.from(random(size + block)).subarray(block);
			expect(pageChecksum(bytes, block)).toBe(slowChecksum(bytes, block));
			expect(pageChecksum(staged(bytes), block)).toBe(slowChecksum(bytes, block));
		}
	});
});

describe('the pages of a file', () => {
	it('are found damaged by a single bit, and told by the number in their relation', () => {
		const content = Buffer.concat([page(8), page(9), page(10)]);
		const whole = check('base/5/16384.2', content);
		expect([whole.checked, whole.damaged]).toEqual([3, 0]);
		for (const at of [PAGE + 100, PAGE + 16, 2 * PAGE - 1]) {
			content[at]! ^= 0x40;
			expect(check('base/5/16384.2', content).pages).toEqual([{ file: 'base/5/16384.2', block: 9 }]);
			content[at]! ^= 0x40;
		}
	});

	it('are left alone where they are new, or were changed since the backup began', () => {
		const torn = page(1, LAYOUT.startLsn);
		torn[5000]! ^= 1;
		const before = page(2, LAYOUT.startLsn - 1n);
		before[5000]! ^= 1;
		const { checked, pages } = check('global/1260', Buffer.concat([Buffer.alloc(PAGE), torn, before]));
		expect([checked, pages]).toEqual([1, [{ file: 'global/1260', block: 2 }]]);
	});

	it('of an increment are those that its header names', () => {
		const header = Buffer.alloc(PAGE);
		[0xd3ae_1f0d, 2, 4, 1, 3].forEach((word, index) => header.writeUInt32LE(word, 4 * index));
		const good = Buffer.concat([header, page(5), page(7)]);
		const path = 'pg_tblspc/16390/PG_18_202506291/5/INCREMENTAL.16384_vm.1';
		expect(check(path, good)).toMatchObject({ checked: 2, damaged: 0 });
		good[PAGE + PAGE + 77]! ^= 1;
		expect(check(path, good).pages).toEqual([{ file: path, block: 7 }]);
		const none = Buffer.alloc(12);
		[0xd3ae_1f0d, 0, 4].forEach((word, index) => none.writeUInt32LE(word, 4 * index));
		expect(check(path, none)).toMatchObject({ checked: 0, damaged: 0 });
		expect(check(path, Buffer.from('no increment at all'))).toMatchObject({ checked: 0, damaged: 0 });
	});

	it('are looked for in files of relations alone', () => {
		const names = ['base/1/2619', 'base/1/2619_fsm', 'base/1/16384.12', 'global/1262_init', 'base/1/INCREMENTAL.2619'];
		expect(names.map((name) => relationFile(name)?.segment)).toEqual([0, 0, 12, 0, 0]);
		const others = [
			'base/1/pg_filenode.map',
			'global/pg_control',
			'base/1/PG_VERSION',
			'pg_xact/0000',
			'base/1/t3_16384',
		];
		expect(others.map(relationFile)).toEqual(others.map(() => undefined));
	});
});

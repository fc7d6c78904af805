import { describe, expect, it } from 'vitest';

import { NameTable } from '../../../../engine/files/foreign/names';
import { limited } from '../../../../engine/files/foreign/open';
import { MemberRecords } from '../../../../engine/files/foreign/records';

const GIB = 1024 ** 3;

async function unpacked(bytes: number, stored: number): Promise<number> {
	const chunk = new Uint8Array(64 * 1024 * 1024);
	let passed = 0;
	const source = async function* () {
		for (let sent = 0; sent < bytes; sent += chunk.length) yield await Promise.resolve(chunk);
	};
	for await (const { length } of limited(source(), { bytes: stored }, 'their.tar.zst')) passed += length;
	return passed;
}

describe('what a tar unpacks to', () => {
	it('may be zeros alone, up to a size that no file of zeros has', async () => {
		expect(await unpacked(15 * GIB, 10)).toBe(15 * GIB);
		expect(await unpacked(32 * GIB, (32 * GIB) / 9000)).toBe(32 * GIB);
		await expect(unpacked(32 * GIB, (32 * GIB) / 11_000)).rejects.toMatchObject({
			code: 'ARCHIVE_CORRUPT',
			message: 'their.tar.zst unpacks to more than 10000 times its size.',
		});
	});
});

describe('a table of names', () => {
	it('knows the last ordinal of each of many names, and which were marked', () => {
		const table = new NameTable();
		for (let index = 0; index < 50_000; index++)
			expect(table.note(`name ${index % 20_000}`, index)).toBe(before(index));
		expect(table.mark('name 7')).toBe(true);
		expect(table.mark('name 7')).toBe(false);
		expect(table.mark('never noted')).toBe(true);
		expect([...table.marked()]).toEqual([40_007]);
		expect([0, 9999, 10_000, 19_999].map((index) => table.ordinalOf(`name ${index}`))).toEqual([
			40_000, 49_999, 30_000, 39_999,
		]);
		expect(table.ordinalOf('another')).toBeUndefined();
		// Names that are no text are not the same.
		table.note('\udcff', 1);
		expect(table.ordinalOf('\udcfe')).toBeUndefined();
	});

	function before(index: number): number | undefined {
		return index < 20_000 ? undefined : index - 20_000;
	}
});

describe('records of members', () => {
	it('keep what is known of each of many', () => {
		const records = new MemberRecords();
		const facts = (index: number) => ({
			name: `${index}`,
			type: 'file' as const,
			size: index,
			modified: BigInt(-index),
		});
		for (let index = 0; index < 3000; index++) {
			expect(records.add(facts(index), 2 * index)).toBe(index);
			records.setContent(index, records.digest().update(`${index}`));
			if (index % 2 === 0) records.select(index);
			if (index % 3 === 0) records.supersede(index);
		}
		expect(records.fileOf(2999, 'x')).toEqual({ ...facts(2999), name: 'x' });
		expect(records.storedSizeOf(1500)).toBe(3000);
		expect([0, 1, 2, 3, 4].map((index) => records.isWanted(index))).toEqual([false, false, true, false, true]);
		expect(records.hasFacts(1700, facts(1700))).toBe(true);
		expect(records.hasFacts(1700, { ...facts(1700), mode: 0o777 })).toBe(false);
		expect(records.hasFacts(3000, undefined)).toBe(false);
		expect(records.hasContent(5, records.digest().update('5'))).toBe(true);
		expect(records.hasContent(5, records.digest().update('6'))).toBe(false);
	});
});

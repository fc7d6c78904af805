import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { WalDamage } from '../../../../../engine/postgres/physical/wal/page';
import { WalReader, type WalEvent, type WalReaderOptions } from '../../../../../engine/postgres/physical/wal/reader';
import { WalBuilder } from '../../../../fixtures/wal';

const TIME = Date.UTC(2026, 5, 1);

function read(bytes: Uint8Array, wal: WalBuilder, options: Partial<WalReaderOptions> = {}) {
	const events: WalEvent[] = [];
	const onEvent = (event: WalEvent) => void events.push(event);
	const reader = new WalReader({ startLsn: wal.startLsn, timeline: 1, onEvent, ...options });
	return { reader, events, take: () => reader.take(bytes) };
}

/** Records of all lengths near a page's end, commits between them, over three segments. */
function someWal(options: ConstructorParameters<typeof WalBuilder>[0] = {}): WalBuilder {
	const wal = new WalBuilder(options);
	for (let index = 0; index < 400; index++) {
		wal.noise(8100 - index * 3);
		if (index % 7 === 0) wal.commit(TIME + index * 1000, 700 + index);
	}
	wal.restorePoint(TIME + 500_000, 'before the upgrade');
	return wal;
}

describe('the write-ahead log', () => {
	it('is read with all its records and times, in whatever pieces it comes', () => {
		const wal = someWal();
		const bytes = wal.bytes();
		const whole = read(bytes, wal);
		whole.take();
		expect(whole.reader.facts).toEqual({
			records: 400 + 58 + 1,
			commits: 58,
			restorePoints: [{ name: 'before the upgrade', lsn: wal.lsn, time: (TIME + 500_000) * 1000 }],
			restorePointCount: 1,
			firstTime: TIME * 1000,
			lastTime: (TIME + 399_000) * 1000,
		});
		expect(whole.reader.endOfRecords).toBe(wal.lsn);
		expect(whole.events.at(-1)).toMatchObject({ name: 'before the upgrade', endLsn: wal.lsn });
		fc.assert(
			fc.property(fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1 }), (sizes) => {
				const { reader, events } = read(bytes, wal);
				for (let at = 0, piece = 0; at < bytes.length; piece++) {
					const size = sizes[piece % sizes.length]!;
					reader.take(bytes.subarray(at, at + size));
					at += size;
				}
				expect(reader.facts).toEqual(whole.reader.facts);
				expect(events).toEqual(whole.events);
			}),
			{ numRuns: 20 },
		);
	});

	it('is known up to its last whole record where it ends in the middle of one', () => {
		const wal = new WalBuilder();
		const begin = wal.noise(300);
		const end = wal.lsn;
		wal.noise(20_000);
		const { reader, take } = read(wal.bytes().subarray(0, 9000), wal);
		take();
		expect(reader.endOfRecords).toBe(end);
		expect(reader.lastRecordLsn).toBe(begin);
		expect(reader.endLsn).toBe(wal.startLsn + 9000n);
		expect(reader.facts.records).toBe(1);
	});

	it('is read from a segment that begins with the end of a record', () => {
		const wal = new WalBuilder();
		wal.noise(1024 * 1024 + 5000);
		const commit = wal.commit(TIME, 9);
		const second = wal.bytes().subarray(1024 * 1024);
		const { reader, events, take } = read(second, wal, { startLsn: wal.startLsn + 1024n * 1024n });
		take();
		expect(reader.facts.records).toBe(1);
		expect(events[0]?.startLsn).toBe(commit);
	});

	it('goes on in the next segment after a switch, whatever the rest of the segment holds', () => {
		const wal = new WalBuilder();
		wal.noise(100);
		wal.switchSegment();
		const used = wal.bytes();
		used.fill(0xaa, 512);
		const commit = wal.commit(TIME, 9);
		const rest = wal.bytes().subarray(used.length);
		for (const pieces of [[Buffer.concat([used, rest])], [used.subarray(0, 300), used.subarray(300), rest]]) {
			const { reader, events } = read(Buffer.alloc(0), wal);
			for (const piece of pieces) reader.take(piece);
			expect(events.map(({ startLsn }) => startLsn)).toEqual([commit]);
			expect(reader.facts.records).toBe(3);
			expect(reader.endOfRecords).toBe(wal.lsn);
		}
	});

	it('ends with the segment where a switch is its last record', () => {
		const wal = new WalBuilder();
		wal.noise(100);
		wal.switchSegment();
		const { reader, take } = read(wal.bytes().subarray(0, 4096), wal);
		take();
		expect(reader.endOfRecords).toBe(2n * BigInt(wal.segmentBytes));
		expect(reader.endLsn).toBe(wal.startLsn + 4096n);
	});

	it('goes on behind a record that a crash broke off', () => {
		const wal = new WalBuilder();
		wal.noise(100);
		wal.breakOff(60_000);
		wal.commit(TIME, 9);
		const { reader, take } = read(wal.bytes(), wal);
		take();
		expect(reader.facts).toMatchObject({ records: 3, commits: 1 });
	});

	it.each([
		[0xd101, 12],
		[0xd106, 13],
		[0xd10d, 14],
		[0xd110, 15],
		[0xd113, 16],
		[0xd116, 17],
		[0xd118, 18],
	])('with pages of %i is that of PostgreSQL %i', (magic, version) => {
		const wal = someWal({ magic, pageBytes: 4096, segmentBytes: 2 * 1024 * 1024 });
		const { reader, take } = read(wal.bytes(), wal);
		take();
		expect(reader.segment).toMatchObject({ version, pageBytes: 4096, segmentBytes: 2 * 1024 * 1024 });
	});

	it('is of one version: that of a newer one is told as such', () => {
		const wal = someWal({ magic: 0xd142 });
		expect(read(wal.bytes(), wal).take).toThrow(
			/version of PostgreSQL that is not known here \(0xD142\), at 0\/100000/,
		);
	});

	it('is refused where any byte of it was changed', () => {
		const wal = new WalBuilder({ pageBytes: 1024 });
		// What fills the gaps between records is the only thing that nothing protects.
		const padding = new Set<number>();
		for (let length = 700; length < 720; length++) {
			wal.noise(length);
			const gap = -(24 + length) & 7;
			for (let byte = 1; byte <= gap; byte++) padding.add(Number(wal.lsn - wal.startLsn) - byte);
		}
		const bytes = wal.bytes();
		const missed: number[] = [];
		for (let at = 0; at < bytes.length; at++) {
			if (padding.has(at)) continue;
			const changed = Buffer.from(bytes);
			changed[at]! ^= 1 << (at % 8);
			const { reader, take } = read(changed, wal, { systemIdentifier: String(wal.systemIdentifier) });
			try {
				take();
				// The length of the last record may promise more than there is.
				if (reader.endOfRecords === wal.lsn) missed.push(at);
			} catch (error) {
				if (!(error instanceof WalDamage)) throw error;
			}
		}
		expect(missed.filter((at) => !isFree(at))).toEqual([]);
	});

	it('of another cluster, place or timeline is refused', () => {
		const wal = someWal({ timeline: 3 });
		const bytes = wal.bytes();
		expect(read(bytes, wal, { timeline: 2 }).take).toThrow('holds a page of timeline 3, at 0/100000');
		expect(read(bytes, wal, { timeline: 4, systemIdentifier: '1' }).take).toThrow('is of another cluster');
		expect(read(bytes, wal, { timeline: 4, startLsn: 0n }).take).toThrow('holds a page of another place, 0/100000');
		expect(read(bytes, wal, { timeline: 4 }).take).not.toThrow();
	});

	it('is refused where a page or a segment is missing, or zeros stand in for the end', () => {
		const wal = someWal();
		const bytes = wal.bytes();
		const without = (from: number, to: number) => Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
		expect(read(without(81_920, 90_112), wal).take).toThrow('holds a page of another place');
		expect(read(without(1024 * 1024, 2 * 1024 * 1024), wal).take).toThrow('holds a page of another place');
		const zeros = read(Buffer.concat([bytes, Buffer.alloc(64)]), wal);
		expect(zeros.take).toThrow('holds zeros where a record should begin');
		expect(zeros.reader.endOfRecords).toBe(wal.lsn);
	});
});

/** What nothing protects of a page's header: the bytes that fill it up, and the flag of full pages that may be removed, which is the bit that is changed there. */
function isFree(at: number): boolean {
	const inPage = at % 1024;
	return inPage === 2 || (inPage >= 20 && inPage < 24);
}

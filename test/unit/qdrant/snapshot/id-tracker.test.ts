import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { countBits, countListed, countLogged } from '../../../../engine/qdrant/snapshot/id-tracker';
import { inPieces } from '../../tar/build-tar';

const change = fc.constantFrom('insert number', 'insert uuid', 'delete number', 'delete uuid');

/** A byte for the kind, the id, and the internal id where there is one; filled with bytes that look like kinds. */
function record(kind: number, length: number): Buffer {
	return Buffer.concat([Buffer.from([kind]), Buffer.alloc(length, 3)]);
}

const CHANGES = {
	'insert number': record(1, 12),
	'insert uuid': record(2, 20),
	'delete number': record(3, 8),
	'delete uuid': record(4, 16),
};

describe('counting the points of a segment', () => {
	it('follows a log of inserts and deletes, however the bytes come', async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(change), fc.integer({ min: 1, max: 30 }), async (changes, pieces) => {
				const log = Buffer.concat(changes.map((kind) => CHANGES[kind]));
				const points = changes.reduce((count, kind) => count + (kind.startsWith('insert') ? 1 : -1), 0);
				const counted = await countLogged(inPieces(log, pieces));
				expect(counted).toEqual(
					points < 0 ? { problem: expect.stringContaining('more points') as string } : { points },
				);
			}),
		);
	});

	it('says where a log makes no sense', async () => {
		const log = CHANGES['insert number'];
		expect(await countLogged(inPieces(log.subarray(0, 10)))).toEqual({ problem: 'ends in the middle of a record' });
		expect(await countLogged(inPieces(Buffer.from([9])))).toEqual({ problem: 'holds a record of an unknown kind (9)' });
	});

	it('counts a list, which must hold as many entries as it states', async () => {
		const list = (stated: number) => {
			const head = Buffer.alloc(8);
			head.writeBigUInt64LE(BigInt(stated));
			return Buffer.concat([head, record(0, 12), record(1, 20), record(0, 12)]);
		};
		for (const pieces of [1, 5, 8, 100]) {
			expect(await countListed(inPieces(list(3), pieces))).toEqual({ points: 3 });
			expect(await countListed(inPieces(list(4), pieces))).toEqual({ problem: expect.any(String) as string });
		}
		expect(await countListed(inPieces(Buffer.alloc(3)))).toEqual({ problem: expect.any(String) as string });
	});

	it('counts bits', async () => {
		expect(await countBits(inPieces(Buffer.from([0, 255, 1, 128, 5]), 2))).toBe(12);
	});
});

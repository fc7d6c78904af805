import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { RowDigest } from '../../../../engine/postgres/verify/digest';

function digestOf(rows: string[], cuts: number[] = []): RowDigest {
	const bytes = Buffer.from(rows.map((row) => `${row}\n`).join(''));
	const digest = new RowDigest();
	let from = 0;
	for (const cut of [...cuts].map((at) => at % (bytes.length + 1)).sort((a, b) => a - b)) {
		digest.push(bytes.subarray(from, cut));
		from = cut;
	}
	digest.push(bytes.subarray(from));
	return digest;
}

const row = fc.string({ maxLength: 70 }).map((text) => text.replaceAll('\n', '\\n'));
const rows = fc.array(row, { maxLength: 12 });

describe('RowDigest', () => {
	it('gives the hash of MurmurHash3_x86_128 for a single row', () => {
		expect(digestOf(['The quick brown fox jumps over the lazy dog']).value).toBe('2f1583c3ecee2c675d7bf66ce5e91d2c');
	});

	it('is the same in every order of the rows and however they are cut into chunks', () => {
		fc.assert(
			fc.property(rows, fc.array(fc.nat(), { maxLength: 8 }), fc.nat(), (content, cuts, seed) => {
				const shuffled = [...content].sort((a, b) => hashOf(a, seed) - hashOf(b, seed));
				const [one, other] = [digestOf(content), digestOf(shuffled, cuts)];
				expect(other.value).toBe(one.value);
				expect(other.rows).toBe(content.length);
				expect(one.equals(other)).toBe(true);
			}),
		);
	});

	it('tells a row changed, added, lost or doubled', () => {
		fc.assert(
			fc.property(rows, row, row, (content, one, other) => {
				fc.pre(one !== other);
				const before = digestOf([...content, one]);
				expect(before.equals(digestOf([...content, other]))).toBe(false);
				expect(before.equals(digestOf(content))).toBe(false);
				expect(before.equals(digestOf([...content, one, one]))).toBe(false);
				expect(digestOf([one, one]).value).not.toBe(digestOf([other, other]).value);
			}),
		);
	});

	it('tells values that were swapped between columns, rows and neighbouring rows', () => {
		expect(digestOf(['a\tb']).value).not.toBe(digestOf(['b\ta']).value);
		expect(digestOf(['a\t1', 'b\t2']).value).not.toBe(digestOf(['a\t2', 'b\t1']).value);
		expect(digestOf(['ab', 'c']).value).not.toBe(digestOf(['a', 'bc']).value);
	});

	it('counts rows without any columns', () => {
		expect(digestOf(['', '', '']).rows).toBe(3);
		expect(digestOf(['', '']).equals(digestOf(['']))).toBe(false);
	});
});

function hashOf(text: string, seed: number): number {
	return [...text].reduce((hash, character) => Math.imul(hash ^ character.charCodeAt(0), 16777619), seed);
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { quoteIdentifier } from '../../../../engine/postgres/quoting';
import { parseName, tokenize } from '../../../../engine/postgres/statements/tokens';

describe('tokenize', () => {
	it('passes over strings, bodies and comments', () => {
		const text = `a 'b "c"' E'd\\'e''f\\\\' $f$ g $$ $f$ -- h\n/* i /* nested */ i */ "j ""k"`;
		expect(tokenize(text).map(({ name }) => name)).toEqual(['a', 'j "k']);
	});

	it('reads strings as old servers did where it is told so', () => {
		expect(tokenize(`a 'b\\' c' d`, { standardStrings: false }).map(({ name }) => name)).toEqual(['a', 'd']);
		expect(tokenize(`a 'b\\' c ' d`).map(({ name }) => name)).toEqual(['a', 'c']);
	});

	it.each([["''"], ['x'], ['\\\\'], ["\\'"], ['$'], ['é']])('passes over strings of any length (%s)', (piece) => {
		const text = piece.repeat(8 * 1024 * 1024);
		expect(tokenize(`a E'${text}' "b"`).map(({ name }) => name)).toEqual(['a', 'b']);
	});

	it.each(["'", "E'\\", '"', '$a$', '/*', '/* /* */', '--'])('ends with a text that ends in %s', (open) => {
		expect(tokenize(`a ${open} b`)[0]).toMatchObject({ name: 'a' });
	});

	it('reads a name back that was quoted', () => {
		fc.assert(
			fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 3 }), (parts) => {
				expect(parseName(tokenize(parts.map(quoteIdentifier).join('.')), 0)?.parts).toEqual(parts);
			}),
		);
	});
});

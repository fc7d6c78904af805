import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitStatements } from '../../../../engine/postgres/script';
import { statementsOf } from './read';

describe('splitStatements', () => {
	const textsOf = (text: string) => splitStatements(text).map((span) => text.slice(span.start, span.end));

	it('answers offsets into the text, whatever characters it holds', () => {
		const text = '-- ħ 🐘\nSELECT \'ħ🐘;\';\n\nSELECT "ż" ;';
		expect(textsOf(text)).toEqual(["SELECT 'ħ🐘;';", 'SELECT "ż" ;']);
	});

	it('takes what stands last without a semicolon as a statement', () => {
		expect(textsOf('SELECT 1; SELECT 2 ')).toEqual(['SELECT 1;', 'SELECT 2 ']);
		expect(textsOf('-- nothing\n/* here */ ')).toEqual([]);
		expect(textsOf("SELECT 'not closed;")).toEqual(["SELECT 'not closed;"]);
	});

	it('tells where the comments before a statement begin', () => {
		const text = 'SELECT 1;\n-- two\nSELECT 2;';
		expect(splitStatements(text)[1]).toEqual({ start: 17, end: 26, leadingStart: 9, copyFromStdin: false });
	});

	it('follows standard_conforming_strings', () => {
		expect(textsOf("SET standard_conforming_strings = off; SELECT '\\';'; SELECT 2;")).toHaveLength(3);
	});

	it('loses no character of any text', () => {
		const piece = fc.oneof(
			fc.string(),
			fc.constantFrom("'", '$$', ';', '--', '\n', '/*', '*/', '"', '(', ')', '\\', '🐘'),
		);
		fc.assert(
			fc.property(
				fc.array(piece).map((pieces) => pieces.join('')),
				(text) => {
					let end = 0;
					for (const span of splitStatements(text)) {
						expect(span.leadingStart).toBe(end);
						expect(span.start).toBeGreaterThanOrEqual(span.leadingStart);
						expect(span.end).toBeGreaterThan(span.start);
						end = span.end;
					}
					expect(end).toBeLessThanOrEqual(text.length);
				},
			),
			{ numRuns: 1000 },
		);
	});

	it('splits as the lexer does', async () => {
		const statement = fc.constantFrom(
			'SELECT 1',
			"SELECT E'\\';'",
			'DO $x$ ; $x$',
			'CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)',
			"SELECT 'ż;' -- ;\n",
			'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END',
		);
		await fc.assert(
			fc.asyncProperty(fc.array(statement), async (statements) => {
				const text = statements.map((one) => `${one};\n-- next;\n`).join('');
				expect(textsOf(text)).toEqual(statements.map((one) => `${one};`));
				expect(await statementsOf(text, [7])).toEqual(statements);
			}),
		);
	});
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { dumpArguments, parseExtraArguments } from '../../../../engine/postgres';
import { BackupError } from '../../../../engine/errors';
import { argumentValue } from '../../../../engine/postgres/dump/arguments';

describe('parseExtraArguments', () => {
	it.each([
		['', []],
		['  --no-comments\t--no-policies\n', ['--no-comments', '--no-policies']],
		['--role=admin', ['--role=admin']],
		['--role admin', ['--role=admin']],
		[`--role 'The "Boss"'`, ['--role=The "Boss"']],
		[`--table-and-children='"Order Lines"'`, ['--table-and-children="Order Lines"']],
		['--table-and-children "\\"Order Lines\\""', ['--table-and-children="Order Lines"']],
		['--table-and-children \\"Order\\ Lines\\"', ['--table-and-children="Order Lines"']],
		[`--extension=a'b 'c"d e"`, ['--extension=ab cd e']],
		[`--role=a=b`, ['--role=a=b']],
	])('reads %s as a shell would', (line, expected) => expect(parseExtraArguments(line)).toEqual(expected));

	it.each([
		['--file=/etc/passwd', '"--file" is not allowed'],
		['-f x', '"-f" is not allowed'],
		['--host=elsewhere', '"--host" is not allowed'],
		['--no-comments=yes', 'takes no value'],
		['--role', 'needs a value'],
		['--role=', 'needs a value'],
		[`--role ''`, 'needs a value'],
		['shop', '"shop" is not allowed'],
		[`--role it's`, 'quote'],
		['--role "open', 'quote'],
		['--role end\\', 'backslash'],
		['--no-comments;--file=x', '"--no-comments;--file" is not allowed'],
	])('refuses %s', (line, message) => {
		expect(() => parseExtraArguments(line)).toThrow(
			expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringContaining(message) as string }) as Error,
		);
	});

	it('never lets an argument through that is not on its list, nor fails in another way', () => {
		const allowed = /^--(?:no-(?:comments|policies)|role=.+)$/s;
		const pieces = fc.constantFrom(
			'--role',
			'--no-comments',
			'--file',
			'=',
			' ',
			'"',
			"'",
			'\\',
			'x',
			'-f',
			'\n',
			'--no-policies',
		);
		fc.assert(
			fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
				try {
					for (const argument of parseExtraArguments(parts.join(''))) expect(argument).toMatch(allowed);
				} catch (error) {
					expect(error).toBeInstanceOf(BackupError);
				}
			}),
		);
	});
});

describe('dumpArguments', () => {
	it('keeps patterns apart from options, whatever they begin with', () => {
		expect(dumpArguments({ tables: ['--file=x', 'a b'] })).toEqual(['--table=--file=x', '--table=a b']);
	});

	it.each([
		[{ clean: true, content: 'data' as const }, 'Clean'],
		[{ ifExists: true }, 'If Exists'],
		[{ tables: [''] }, 'is empty'],
		[{ content: 'rows' as 'data' }, 'Content is "rows"'],
		[{ largeObjects: 'never' as 'exclude' }, 'Large Objects is "never"'],
	])('refuses %o', (selection, message) => expect(() => dumpArguments(selection)).toThrow(message));
});

describe('argumentValue', () => {
	it('is that of the last one given', () => {
		expect(argumentValue(['--role=a', '--role=b=c', '--roles=d'], '--role')).toBe('b=c');
		expect(argumentValue([], '--role')).toBeUndefined();
	});
});

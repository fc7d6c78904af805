import { describe, expect, it } from 'vitest';

import { serverCause, serverMessage } from '../../../engine/postgres/serverMessage';

const error = (code: string, message: string, detail?: string) =>
	Object.assign(new Error(message), { severity: 'ERROR', code, detail, where: 'COPY t, line 1: "Jane"' });

describe('what is shown of a server’s error', () => {
	it.each([
		[
			'22P02',
			'invalid input syntax for type integer: "Ja"ne"',
			undefined,
			'invalid input syntax for type integer: "…"',
		],
		[
			'22P02',
			'ungültige Eingabesyntax für Typ integer: »Jane«',
			undefined,
			'ungültige Eingabesyntax für Typ integer: "…"',
		],
		['22003', 'value "99" is out of range for type integer', undefined, 'value "…" is out of range for type integer'],
		['22P02', 'invalid input syntax for type json', 'Token "Jane" is invalid.', 'invalid input syntax for type json'],
		['42601', 'syntax error in tsquery: "Jane"', undefined, 'syntax error in tsquery: "…"'],
		[
			'42601',
			'syntax error in hstore, near "Jane" at position 3',
			undefined,
			'syntax error in hstore, near "…" at position 3',
		],
		['23505', 'duplicate key', 'Key (a, lower(b))=(1, Jane) already exists.', 'duplicate key (key (a, lower(b)))'],
		['23503', 'Fremdschlüssel', 'Schlüssel (a)=((x)=(y)) existiert nicht', 'Fremdschlüssel (key (a))'],
		['23514', 'violates check constraint', 'Failing row contains (1, (a)=(b)).', 'violates check constraint'],
		['23502', 'null value in column "a"', 'Failing row contains (null, Jane).', 'null value in column "a"'],
		[
			'23P01',
			'conflicting key',
			'Key (r)=([1,3)) conflicts with existing key (r)=([1,3)).',
			'conflicting key (key (r))',
		],
	])('%s: %s', (code, message, detail, shown) => {
		const shownCause = serverCause(error(code, message, detail)) as Error;
		expect(serverMessage(error(code, message, detail))).toBe(shown);
		expect(`${shownCause.stack} ${JSON.stringify({ ...shownCause })}`).not.toMatch(/Jane|99|Failing/);
	});

	it.each([
		['22P04', 'missing data for column "b"', undefined],
		['22021', 'invalid byte sequence for encoding "UTF8": 0xff', undefined],
		['22023', 'invalid value for parameter "search_path": "x"', undefined],
		['42601', 'syntax error at or near "TABEL"', undefined],
		['42883', 'function f() does not exist', 'There is no function of that name.'],
	])('%s: %s is shown as it is', (code, message, detail) => {
		expect(serverMessage(error(code, message, detail))).toBe(detail ? `${message} (${detail})` : message);
	});

	it('keeps an error that is no server’s as the cause', () => {
		const lost = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
		expect(serverCause(lost)).toBe(lost);
	});
});

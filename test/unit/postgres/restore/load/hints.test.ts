import { describe, expect, it } from 'vitest';

import { adviceFor } from '../../../../../engine/postgres/restore/load/hints';

const PLPGSQL = 'PL/pgSQL function public.ok(integer) line 1 at RETURN';

describe('adviceFor', () => {
	it.each([
		['42P01', 'relation "dict" does not exist', PLPGSQL, /^The function public\.ok looks for this/],
		[
			'42P01',
			'Relation »dict« existiert nicht',
			'PL/pgSQL-Funktion ok(integer) Zeile 1 bei RETURN',
			/^The function ok looks/,
		],
		[
			'42883',
			'function f(integer) does not exist',
			'SQL function "ok" during startup\nCOPY t, line 1',
			/^The function ok looks/,
		],
		['42883', 'operator does not exist: public.hstore ? unknown', PLPGSQL, /^The function public\.ok looks/],
		['42P01', 'relation "public.dict" does not exist', PLPGSQL, /is not there: restore all of it/],
		['42P01', 'relation "dict" does not exist', 'COPY t, line 1', /is not there: restore all of it/],
		['3F000', 'schema "s" does not exist', PLPGSQL, /is not there: restore all of it/],
		['XX000', 'invalid memory alloc request size 1073741824', '', /1 GB as text/],
		['40001', 'could not serialize access', '', /quieter time/],
		['25006', 'cannot execute CREATE TABLE in a read-only transaction', '', /may only read/],
	])('%s %s (%s)', (code, message, where, hint) => {
		expect(adviceFor({ code, message, where }, true)?.hint).toMatch(hint);
	});

	it('knows routines of the server, whatever language it speaks', () => {
		expect(adviceFor({ code: '54000', routine: 'enlargeStringInfo' }, true)?.hint).toContain('1 GB as text');
		expect(adviceFor({ code: '22023', routine: 'report_newlocale_failure' }, true)?.hint).toContain('locale');
		const locks = {
			code: '53200',
			message: 'out of shared memory',
			hint: 'You might need to increase "max_locks_per_transaction".',
		};
		expect(adviceFor(locks, true)?.hint).toContain('raise max_locks_per_transaction');
	});

	it('says nothing where the server has said it all', () => {
		expect(adviceFor({ code: '42601', message: 'syntax error' }, true)).toBeUndefined();
		expect(adviceFor(new Error('anything'), true)).toBeUndefined();
	});
});

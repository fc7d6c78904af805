import { describe, expect, it } from 'vitest';

import { pgDumpError, pgDumpWarnings } from '../../../../engine/postgres/pgdump/errors';

const HEAD = 'pg_dump failed with exit code 1. \nError message: invalid binary "pg_dump": No such file or directory';

describe('pgDumpError', () => {
	it('names the table that the user may not read', () => {
		const error = pgDumpError(
			`${HEAD}pg_dump: error: query failed: ERROR:  permission denied for table secretspg_dump: detail: Query was: LOCK TABLE public.secrets IN ACCESS SHARE MODE`,
		);
		expect(error.code).toBe('ACCESS_DENIED');
		expect(error.message).toBe('pg_dump could not dump the database: permission denied for table secrets');
	});

	it('tells a lock that could not be had, with some of many tables', () => {
		const tables = Array.from({ length: 300 }, (_, index) => `public.t${index}`).join(', ');
		const error = pgDumpError(
			`${HEAD}pg_dump: error: query failed: ERROR:  canceling statement due to statement timeoutpg_dump: detail: Query was: LOCK TABLE ${tables} IN ACCESS SHARE MODE`,
		);
		expect(error.message).toContain('(public.t0, public.t1, public.t2, public.t3, public.t4 and 295 more)');
		expect(error.hint).toContain('Lock Timeout');
	});

	it('keeps a message that it does not know, without the noise around it', () => {
		const error = pgDumpError(`${HEAD}pg_dump: error: something new`);
		expect(error.message).toBe('pg_dump could not dump the database: something new');
		expect(pgDumpError('WebAssembly trapped').message).toContain('WebAssembly trapped');
	});
});

describe('pgDumpWarnings', () => {
	it('keeps each warning with its details and hints, and nothing else', () => {
		const text = `pg_dump: warning: there are circular foreign-key constraints among these tables:
pg_dump: detail: a
pg_dump: detail: b
pg_dump: hint: You might not be able to restore the dump.
pg_dump: hint: Consider a full dump.
pg_dump: warning: subscriptions not dumped because current user is not a superuser
pg_dump: error: something
`;
		expect(pgDumpWarnings(`invalid binary "pg_dump"\n${text}`)).toEqual([
			'pg_dump: there are circular foreign-key constraints among these tables: a, b. You might not be able to restore the dump. Consider a full dump.',
			'pg_dump: subscriptions not dumped because current user is not a superuser',
		]);
		expect(pgDumpWarnings('')).toEqual([]);
	});
});

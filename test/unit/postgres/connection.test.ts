import { describe, expect, it } from 'vitest';

import { translateError } from '../../../engine/postgres/connection';

const said = (code: string, message: string, more: object = {}) =>
	Object.assign(new Error(message), { severity: 'ERROR', code, ...more });

describe('what a server says while it is backed up', () => {
	it.each([
		[said('40001', 'canceling statement due to conflict with recovery'), /standby.*hot_standby_feedback/],
		[said('40001', 'Anfrage wird wegen Konflikt mit Wiederherstellung abgebrochen'), /standby.*hot_standby_feedback/],
		[said('0A000', 'cannot use serializable mode in a hot standby'), /switch Serializable Snapshot off/],
		[said('53400', 'temporary file size exceeds temp_file_limit (64kB)'), /raise temp_file_limit/],
		[said('22021', 'invalid byte sequence for encoding "EUC_JP": 0xc3 0x91'), /encoding.*mend it there/],
		[said('42501', 'permission denied for large object 7'), /Large Objects: Never/],
		[said('42501', 'query would be affected by row-level security policy for table "t"'), /owner unless/],
		[
			said('42501', 'query would be affected by row-level security policy for table "t"', {
				hint: 'To disable the policy for the table’s owner, use ALTER TABLE NO FORCE ROW LEVEL SECURITY.',
			}),
			/The user owns the table/,
		],
	])('comes with what to do: %s', (error, hint) => {
		expect(translateError(error, 'source', 'Could not read table t').hint).toMatch(hint);
	});

	it('is not taken for a standby’s where something is written', () => {
		const error = said('40001', 'could not serialize access due to concurrent update');
		expect(translateError(error, 'target', 'Could not restore').hint).toBeUndefined();
	});
});

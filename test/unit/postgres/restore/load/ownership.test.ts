import { describe, expect, it } from 'vitest';

import { mapOwnership } from '../../../../../engine/postgres/restore/load/ownership';
import { describeStatement } from '../../../../../engine/postgres/statements/statement';

describe('mapOwnership', () => {
	const map = (statement: string, owner: Parameters<typeof mapOwnership>[2], privileges = true) =>
		mapOwnership(statement, describeStatement(statement), owner, privileges);
	const odd = 'ALTER TABLE a."OWNER TO x" OWNER TO "o""dd; owner"';

	it('changes the owner at the end and nothing else', () => {
		expect(map(odd, { type: 'role', role: 'new "one" $&' })).toBe(
			'ALTER TABLE a."OWNER TO x" OWNER TO "new ""one"" $&"',
		);
		expect(map(odd, { type: 'asDumped' })).toBe(odd);
		expect(map(odd, { type: 'none' })).toBeUndefined();
		expect(map('CREATE TABLE a.b ()', { type: 'none' })).toBe('CREATE TABLE a.b ()');
	});

	it('speaks as the owners of the dump, or as nobody else', () => {
		const sql = "SET SESSION AUTHORIZATION 'x'";
		expect(map(sql, { type: 'asDumped' })).toBe(sql);
		for (const owner of [{ type: 'none' }, { type: 'role', role: 'r' }] as const) {
			expect(map(sql, owner)).toBeUndefined();
			expect(map('RESET SESSION AUTHORIZATION', owner)).toBeUndefined();
		}
	});

	it('leaves privileges out where they are not wanted', () => {
		for (const sql of [
			'GRANT ALL ON TABLE a.b TO c',
			'REVOKE ALL ON SCHEMA s FROM c',
			'ALTER DEFAULT PRIVILEGES FOR ROLE r GRANT ALL ON TABLES TO c',
		]) {
			expect(map(sql, { type: 'asDumped' })).toBe(sql);
			expect(map(sql, { type: 'asDumped' }, false)).toBeUndefined();
		}
	});
});

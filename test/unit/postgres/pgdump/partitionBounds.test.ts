import { describe, expect, it } from 'vitest';

import { completed, rowOf } from '../../../../engine/postgres/pgdump/answers';
import { PartitionBounds } from '../../../../engine/postgres/pgdump/partitionBounds';
import { encodeQuery, splitMessages } from '../../../../engine/postgres/protocol';

const query = (sql: string) => encodeQuery(Buffer.from(sql));

/** What a server answers with bounds of two partitions, and with none of a third. */
const ANSWER = Buffer.concat([
	completed('SAVEPOINT'),
	rowOf([Buffer.from('17'), Buffer.from("FOR VALUES IN ('ü')")]),
	rowOf([Buffer.from('18'), Buffer.from('')]),
	rowOf([Buffer.from('19'), null]),
	completed('SELECT 3'),
]);

describe('the bounds that are known', () => {
	const bounds = new PartitionBounds();
	bounds.learn(ANSWER);
	const told = (sql: string) =>
		splitMessages(bounds.answer(query(sql)) ?? Buffer.alloc(0)).messages.map(
			({ type, body }) => String.fromCharCode(type) + body.toString('latin1'),
		);

	it('are told as the server tells them', () => {
		const value = Buffer.from("FOR VALUES IN ('ü')");
		const field = 'pg_get_expr\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0';
		expect(told("EXECUTE dumpTableAttach('17')")).toEqual([
			`T\0\x01${field}`,
			`D\0\x01\0\0\0${String.fromCharCode(value.length)}${value.toString('latin1')}`,
			'CSELECT 1\0',
			'ZT',
		]);
		expect(told("EXECUTE dumpTableAttach('18')")[1]).toBe('D\0\x01\0\0\0\0');
	});

	it.each([
		"EXECUTE dumpTableAttach('19')",
		"EXECUTE dumpTableAttach('20')",
		"EXECUTE dumpTableAttach('17'); SELECT 1",
		"EXECUTE dumpFunc('17')",
		"SELECT 'EXECUTE dumpTableAttach(''17'')'",
	])('are no answer to %s', (sql) => expect(bounds.answer(query(sql))).toBeUndefined());

	it('are no answer to more than one message, or a part of one', () => {
		const one = query("EXECUTE dumpTableAttach('17')");
		expect(bounds.answer(Buffer.concat([one, one]))).toBeUndefined();
		expect(bounds.answer(one.subarray(0, -1))).toBeUndefined();
	});
});

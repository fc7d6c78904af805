import { describe, expect, it } from 'vitest';

import { CopyOutReader, EndOfAnswer } from '../../../engine/postgres/copyOut';
import { encodeMessage, MessageType, splitMessages } from '../../../engine/postgres/protocol';

const NOTHING = Buffer.alloc(0);
const READY = encodeMessage(MessageType.readyForQuery, Buffer.from('I'));
const COMPLETE = encodeMessage(MessageType.commandComplete, Buffer.from('COPY 1\0'));
const LOCKED = encodeMessage(MessageType.commandComplete, Buffer.from('LOCK TABLE\0'));
const OUT = encodeMessage(MessageType.copyOutResponse, Buffer.alloc(3));
const IN = encodeMessage(MessageType.copyInResponse, Buffer.alloc(3));
const ROW = encodeMessage(MessageType.copyData, Buffer.from('1\n'));
const DONE = encodeMessage(0x63, NOTHING);
const DATA_ROW = encodeMessage(0x44, Buffer.alloc(2));
const FAILED = encodeMessage(MessageType.errorResponse, Buffer.from('SERROR\0C42P01\0Mnot there\0\0'));

/** A header that tells a length that no message has. */
function header(type: number, length: number): Buffer {
	const bytes = Buffer.alloc(5);
	bytes[0] = type;
	bytes.writeInt32BE(length, 1);
	return bytes;
}

/** Reads an answer cut anywhere: whole, and byte by byte. */
function readings(answer: Buffer): Buffer[][] {
	return [[answer], Array.from(answer, (byte) => Buffer.of(byte))];
}

function read(chunks: Buffer[], copies = 1): { rows: string; error: Error | undefined; finished: boolean } {
	let rows = '';
	const consumer = {
		beginCopy: () => void (rows += '|'),
		begin: () => undefined,
		bytes: (chunk: Buffer, start: number, end: number) => void (rows += chunk.toString('latin1', start, end)),
	};
	const reader = new CopyOutReader(consumer, copies);
	for (const chunk of chunks) void reader.read(chunk);
	return { rows, error: reader.error, finished: reader.finished };
}

describe('an answer to COPY ... TO STDOUT', () => {
	it('gives its rows, or the error of the server', () => {
		for (const chunks of readings(Buffer.concat([OUT, ROW, ROW, DONE, COMPLETE, READY])))
			expect(read(chunks)).toEqual({ rows: '|1\n1\n', error: undefined, finished: true });
		for (const chunks of readings(Buffer.concat([FAILED, READY])))
			expect(read(chunks)).toMatchObject({ error: { message: 'not there', code: '42P01' }, finished: true });
	});

	it('may be several answers, after those of other statements', () => {
		const messages = [
			LOCKED,
			LOCKED,
			OUT,
			ROW,
			DONE,
			COMPLETE,
			OUT,
			DONE,
			COMPLETE,
			OUT,
			ROW,
			ROW,
			DONE,
			COMPLETE,
			READY,
		];
		for (const chunks of readings(Buffer.concat(messages)))
			expect(read(chunks, 3)).toEqual({ rows: '|1\n||1\n1\n', error: undefined, finished: true });
	});

	it.each([
		['fewer than there should be', [OUT, ROW, DONE, COMPLETE, READY]],
		['more than there should be', [OUT, COMPLETE, OUT, COMPLETE, OUT, COMPLETE, READY]],
		['several, the last without its end', [OUT, COMPLETE, OUT, ROW, READY]],
	])('that is %s is an error', (_, messages) => {
		for (const chunks of readings(Buffer.concat(messages)))
			expect(read(chunks, 2)).toMatchObject({ error: { code: '08P01' }, finished: true });
	});

	it.each([
		['before the first', [LOCKED, ROW]],
		['between two', [OUT, ROW, COMPLETE, ROW]],
		['of one within another', [OUT, ROW, OUT]],
	])('has no rows %s', (_, messages) => {
		for (const chunks of readings(Buffer.concat(messages))) expect(() => read(chunks, 2)).toThrow('protocol');
	});

	it.each([
		['nothing but the end', [READY]],
		['another statement', [COMPLETE, READY]],
		['rows of a query', [DATA_ROW, COMPLETE, READY]],
		['an end without all rows', [OUT, ROW, READY]],
	])('that is %s is an error and no empty table', (_, messages) => {
		for (const chunks of readings(Buffer.concat(messages)))
			expect(read(chunks)).toMatchObject({ error: { code: '08P01' }, finished: true });
	});

	it.each([
		['rows that were not announced', [ROW]],
		['a request for rows', [IN]],
		['a length that no message has', [header(MessageType.copyData, 3)]],
		['a negative length', [OUT, header(MessageType.copyData, -1)]],
		['a message without an end', [header(MessageType.errorResponse, 2 ** 31 - 1), Buffer.alloc(65 * 1024 * 1024)]],
	])('with %s ends at once', (_, messages) => {
		expect(() => read([Buffer.concat(messages)])).toThrow(expect.objectContaining({ code: '08P01' }));
	});
});

describe('any answer', () => {
	it('ends with ReadyForQuery, however it is cut', () => {
		for (const chunks of readings(Buffer.concat([DATA_ROW, COMPLETE, READY]))) {
			const end = new EndOfAnswer();
			expect(chunks.map((chunk) => end.reached(chunk)).indexOf(true)).toBe(chunks.length - 1);
		}
	});

	it.each([[header(0x44, 0)], [header(0x44, -2_000_000_000)], [IN]])('is refused where it makes no sense', (bytes) => {
		for (const chunks of readings(bytes)) {
			const end = new EndOfAnswer();
			expect(() => chunks.forEach((chunk) => end.reached(chunk))).toThrow(expect.objectContaining({ code: '08P01' }));
		}
		if (bytes !== IN) expect(() => splitMessages(bytes)).toThrow(expect.objectContaining({ code: '08P01' }));
	});
});

import { expect, it } from 'vitest';

import { BackupError } from '../../../../engine/errors';
import { QdrantClient } from '../../../../engine/qdrant/client/client';
import { checkedTimeouts, DEFAULT_TIMEOUTS } from '../../../../engine/qdrant/client/connection';

function refusal(connection: object): BackupError {
	try {
		new QdrantClient({ url: 'http://127.0.0.1:1', ...connection }, 'source');
	} catch (error) {
		expect(error).toBeInstanceOf(BackupError);
		expect((error as BackupError).code).toBe('INVALID_INPUT');
		return error as BackupError;
	}
	throw new Error('It was taken.');
}

it.each([
	['abc\n', 'holds a line break'],
	['abc\r\nX-Evil: 1', 'holds a line break'],
	['ключ-abc', 'holds a character'],
	['abc\u2019', 'holds a character'],
	['abc\u0000', 'holds a character'],
	[' abc ', 'begins or ends with a space'],
	[{ abc: 1 }, 'is not a text'],
])('refuses the API key %j, and does not show it', (apiKey, problem) => {
	const { message, hint } = refusal({ apiKey });
	expect(message).toContain(`The API key of the Qdrant credential ${problem}`);
	expect(`${message} ${hint}`).not.toMatch(/abc|ключ|Evil/);
});

it.each(['', undefined, 'a.b-c_d=', 'with space'])('takes the API key %j', (apiKey) => {
	expect(new QdrantClient({ url: 'http://127.0.0.1:1', apiKey }, 'source').server).toBeTruthy();
});

it.each([NaN, Infinity, -1, 2 ** 31, 1e15, '30000', { ms: 1 }])('refuses the time-out %j', (operation) => {
	const { message, hint } = refusal({ timeouts: { operation } });
	expect(message).toMatch(/^The operation timeout is .*; nothing was sent\.$/);
	expect(hint).toContain('2147483');
});

it('takes a time-out of 0, the longest that a timer can wait, and the default for what is not told', () => {
	const timeouts = { connect: 0, idle: 2 ** 31 - 1, answer: undefined } as object;
	expect(checkedTimeouts(timeouts)).toEqual({ ...DEFAULT_TIMEOUTS, connect: 0, idle: 2 ** 31 - 1 });
});

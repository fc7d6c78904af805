import { describe, expect, it } from 'vitest';

import { BackupError } from '../../../../engine/errors';
import { refusal } from '../../../../engine/qdrant/client/answer';
import {
	explain,
	isFromUnexpectedServer,
	isOutcomeUnknown,
	QdrantFailure,
} from '../../../../engine/qdrant/client/failure';
import type { WholeAnswer } from '../../../../engine/qdrant/client/http';
import { RetryBudget } from '../../../../engine/qdrant/client/retry';

const told = (answer: WholeAnswer) => explain(refusal(answer), 'target', 'http://qdrant:6333', 'Could not ask');
const own = (message: string) => JSON.stringify({ status: { error: message }, time: 0 });
const nginx = { server: 'nginx/1.25.3' };
const page = '<html><h1>No</h1></html>';

describe('an answer of something between n8n and Qdrant', () => {
	it.each<[WholeAnswer, RegExp, RegExp]>([
		[{ status: 413, text: page, headers: nginx }, /status 413 .*not Qdrant.*nginx\/1\.25\.3/, /client_max_body_size/],
		[{ status: 413, text: '' }, /status 413/, /how long requests may be/],
		[{ status: 405, text: '', headers: nginx }, /status 405/, /allow GET, POST, PUT, PATCH and DELETE/],
		[
			{ status: 302, text: '', headers: { location: '/login' } },
			/a redirect to \/login/,
			/address that it redirects to/,
		],
		[{ status: 403, text: page }, /status 403/, /not Qdrant that refuses/],
		[{ status: 407, text: 'log in' }, /status 407/, /not Qdrant that refuses/],
		[{ status: 502, text: page }, /status 502/, /could not reach it/],
		[{ status: 524, text: 'error code: 524' }, /status 524/, /raise the proxy's time-out/],
		[{ status: 404, text: '' }, /status 404/, /seems to be no Qdrant server/],
		[{ status: 500, text: page }, /status 500/, /a proxy answers in its place/],
	])('is told as such: %j', (answer, message, hint) => {
		const error = told(answer);
		expect(error.message).toMatch(/^Could not ask: something in Qdrant's place answered with/);
		expect(error.message).toMatch(message);
		expect(error.hint).toMatch(hint);
		expect(isFromUnexpectedServer(error)).toBe(true);
		expect(isOutcomeUnknown(error)).toBe(answer.status >= 500);
	});

	it('shows no more of where it redirects to than the path', () => {
		const { message } = told({ status: 307, text: '', headers: { location: 'https://u:p@x.example/in?token=SECRET' } });
		expect(message).toContain('a redirect to https://x.example/in ');
		expect(message).not.toMatch(/SECRET|u:p/);
	});
});

it.each<WholeAnswer>([
	{ status: 400, text: own('Wrong input') },
	{ status: 401, text: 'Invalid API key or JWT' },
	{ status: 404, text: own("Collection `x` doesn't exist!") },
	{ status: 413, text: own('The body is too large') },
	{ status: 500, text: own('No space left on device') },
])("is told in Qdrant's own words where it is Qdrant's: %j", (answer) => {
	const error = told(answer);
	expect(error.message).not.toContain('place');
	expect(isFromUnexpectedServer(error)).toBe(false);
});

describe('a server that limits how often it is asked', () => {
	it.each<[WholeAnswer, number]>([
		[{ status: 429, text: page, headers: { 'retry-after': '17' } }, 17],
		[{ status: 429, text: own('Read rate limit exceeded. Retry after 30s') }, 30],
	])('says how long to wait: %j', (answer, seconds) => {
		expect(refusal(answer).retryAfter).toBe(seconds);
	});

	it('says until when to wait', () => {
		const until = new Date(Date.now() + 60_000).toUTCString();
		expect(refusal({ status: 429, text: '', headers: { 'retry-after': until } }).retryAfter).toBeGreaterThan(1);
	});

	const limited = (seconds: number) => {
		let asked = 0;
		const ask = () => {
			asked++;
			return Promise.reject(new BackupError('TARGET_FAILED', 'no', { cause: refused(seconds) }));
		};
		return { ask, asked: () => asked };
	};
	const refused = (seconds: number) => new QdrantFailure('slow', 429, undefined, false, seconds);

	it('is asked again until all waits of a run are used up, however many calls wait', async () => {
		const retries = new RetryBudget(30);
		const [first, second] = [limited(0.01), limited(0.01)];
		await expect(retries.during(first.ask)).rejects.toThrow('no');
		await expect(retries.during(second.ask)).rejects.toThrow('no');
		expect([first.asked(), second.asked()]).toEqual([4, 1]);
	});

	it('is not waited for where that would be too long, nor where it refuses for another reason', async () => {
		const retries = new RetryBudget(30);
		const long = limited(31);
		await expect(retries.during(long.ask)).rejects.toThrow('no');
		expect(long.asked()).toBe(1);
		await expect(retries.during(() => Promise.reject(new QdrantFailure('no', 500)))).rejects.toThrow('no');
	});
});

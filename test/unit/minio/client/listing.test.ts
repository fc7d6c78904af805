import { describe, expect, it } from 'vitest';

import { BackupError } from '../../../../engine/errors';
import { listBucket, type ListOptions } from '../../../../engine/minio/client/listing';
import type { S3Request, S3Requests } from '../../../../engine/storage/s3/requests';
import { compareNames } from '../../../../engine/tree';

const PAGE = 3;

/** An S3 server's listing of some keys; `fault` may change a page before it goes out. */
function server(
	keys: string[],
	fault: (page: Page, request: number, query: Record<string, string>) => void = () => {},
) {
	const sorted = [...keys].sort(compareNames);
	const queries: Record<string, string>[] = [];
	const send = ({ query = {} }: S3Request) => {
		queries.push(query);
		const after = query['continuation-token'] ?? query['start-after'] ?? query['marker'];
		const rest = sorted.filter(
			(key) => key.startsWith(query['prefix'] ?? '') && (!after || compareNames(key, after) > 0),
		);
		const listed = rest.slice(0, PAGE);
		const page: Page = { keys: listed, isTruncated: rest.length > PAGE, token: listed.at(-1) };
		fault(page, queries.length, query);
		return Promise.resolve({ headers: {}, text: page.text ?? textOf(page) });
	};
	return { requests: { send, settings: { bucket: 'test' } } as unknown as S3Requests, queries };
}

interface Page {
	keys: string[];
	isTruncated: boolean;
	token: string | undefined;
	count?: number;
	text?: string;
}

function textOf({ keys, isTruncated, token, count }: Page): string {
	const contents = keys.map((key) => {
		const time = '2026-01-31T02:00:00.123Z';
		return `<Contents><Key>${encodeURIComponent(key)}</Key><Size>1</Size><ETag>&quot;e&quot;</ETag><LastModified>${time}</LastModified></Contents>`;
	});
	const next = isTruncated && token ? `<NextContinuationToken>${token}</NextContinuationToken>` : '';
	return `<?xml version="1.0"?><ListBucketResult><EncodingType>url</EncodingType><KeyCount>${count ?? keys.length}</KeyCount><IsTruncated>${isTruncated}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`;
}

async function keysOf(requests: S3Requests, options?: ListOptions): Promise<string[]> {
	const keys: string[] = [];
	for await (const { key } of listBucket(requests, options)) keys.push(key);
	return keys;
}

async function failureOf(requests: S3Requests): Promise<string> {
	return await keysOf(requests).then(
		() => 'none',
		(error: unknown) => (error instanceof BackupError ? `${error.code}: ${error.message}` : String(error)),
	);
}

const KEYS = ['a', 'a b', 'a+b', 'a/b', 'b%2F', 'c/é', 'd/😀', 'd/\uffee', 'e'].sort(compareNames);

describe('the list of a bucket', () => {
	it('has every key once, in the order of bytes', async () => {
		const { requests } = server(KEYS);
		expect(await keysOf(requests)).toEqual(KEYS);
	});

	it('is empty for an empty bucket, which is asked about three times', async () => {
		const { requests, queries } = server([]);
		expect(await keysOf(requests)).toEqual([]);
		expect(queries).toHaveLength(3);
	});

	it('begins after a key and ends at one', async () => {
		const { requests } = server(KEYS);
		expect(await keysOf(requests, { after: KEYS[1]!, until: KEYS[4]! })).toEqual(KEYS.slice(2, 5));
	});

	it('goes on where a page says that it is the last one and is not', async () => {
		const told: string[] = [];
		const { requests } = server(KEYS, (page, request) => {
			if (request === 2) page.isTruncated = false;
		});
		expect(await keysOf(requests, { onRepaired: (message) => told.push(message) })).toEqual(KEYS);
		expect(told).toHaveLength(1);
	});

	it('goes on where only one version of the request says that there is more', async () => {
		const { requests } = server(KEYS, (page, request, query) => {
			if (request >= 2 && query['list-type'])
				Object.assign(page, { isTruncated: false, keys: request === 2 ? page.keys : [] });
		});
		expect(await keysOf(requests)).toEqual(KEYS);
	});

	it('goes on where a marker is repeated', async () => {
		const { requests } = server(KEYS, (page, request) => {
			if (request === 2) page.token = KEYS[2];
		});
		expect(await keysOf(requests)).toEqual(KEYS);
	});

	it('goes on where a page that goes on has no marker', async () => {
		const { requests } = server(KEYS, (page, request) => {
			if (request === 1) page.token = undefined;
		});
		expect(await keysOf(requests)).toEqual(KEYS);
	});

	it('goes on through pages without keys, whose markers lead on', async () => {
		const { requests } = server(KEYS, (page, request, query) => {
			const hidden = Number(/^empty(\d)$/.exec(query['continuation-token'] ?? '')?.[1] ?? (request === 2 ? 0 : NaN));
			if (hidden < 3) Object.assign(page, { keys: [], isTruncated: true, token: `empty${hidden + 1}` });
			else if (hidden === 3) Object.assign(page, { keys: [], isTruncated: true, token: KEYS[2] });
		});
		expect(await keysOf(requests)).toEqual(KEYS);
	});

	it.each([
		['the same marker', () => 'stuck'],
		['no marker', () => undefined],
		['ever new markers', (request: number) => `more${request}`],
	])(
		'fails where it says that there is more and lists nothing, with %s',
		async (_what, tokenOf) => {
			const { requests } = server(KEYS, (page, request) => {
				if (request >= 2) Object.assign(page, { keys: [], isTruncated: true, token: tokenOf(request) });
			});
			expect(await failureOf(requests)).toMatch(/^SOURCE_FAILED: .*says that there is more, and lists nothing/);
		},
		20_000,
	);

	it.each([
		['a key twice', (page: Page) => page.keys.splice(1, 0, page.keys[0]!)],
		['a key of the page before', (page: Page) => page.keys.unshift(KEYS[0]!)],
		['keys in another order', (page: Page) => page.keys.reverse()],
		['fewer keys than it says', (page: Page) => (page.count = 9)],
		['no end', (page: Page) => (page.text = textOf(page).slice(0, -10))],
	])('asks again for a page with %s, and fails where that stays so', async (_what, spoil) => {
		const once = server(KEYS, (page, request) => void (request === 2 && spoil(page)));
		expect(await keysOf(once.requests)).toEqual(KEYS);
		const always = server(KEYS, (page, request) => void (request >= 2 && spoil(page)));
		expect(await failureOf(always.requests)).toMatch(
			/^SOURCE_FAILED: The list of the bucket test cannot be relied upon/,
		);
	});
});

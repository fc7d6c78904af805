import { describe, expect, it } from 'vitest';

import { BackupError } from '../../../../engine/errors';
import { listVersions, type VersionListOptions } from '../../../../engine/minio/client/versions';
import type { S3Request, S3Requests } from '../../../../engine/storage/s3/requests';
import { compareNames } from '../../../../engine/tree';

const PAGE = 3;

interface Listed {
	key: string;
	id: string;
	/** Seconds. */
	at?: number;
	isLatest?: boolean;
}

interface Page {
	items: Listed[];
	isTruncated: boolean;
	text?: string;
}

/** An S3 server's listing of some versions; `fault` may change a page before it goes out. */
function server(all: Listed[], fault: (page: Page, request: number, query: Record<string, string>) => void = () => {}) {
	const queries: Record<string, string>[] = [];
	const send = ({ query = {} }: S3Request) => {
		queries.push(query);
		const { 'key-marker': key, 'version-id-marker': id, prefix = '' } = query;
		const marker = all.findIndex((item) => item.key === key && item.id === id);
		const rest = all.filter((item, index) => {
			if (!item.key.startsWith(prefix)) return false;
			if (marker >= 0) return index > marker;
			// As MinIO does where the version was removed: it begins with the key again.
			const order = key === undefined ? 1 : compareNames(item.key, key);
			return id === undefined ? order > 0 : order >= 0;
		});
		const page: Page = { items: rest.slice(0, PAGE), isTruncated: rest.length > PAGE };
		fault(page, queries.length, query);
		return Promise.resolve({ headers: {}, text: page.text ?? textOf(page) });
	};
	return { requests: { send, settings: { bucket: 'test' } } as unknown as S3Requests, queries };
}

function textOf({ items, isTruncated }: Page): string {
	const listed = items.map(({ key, id, at = 0, isLatest = false }) => {
		const isMarker = id.startsWith('deleted');
		const facts = `<Key>${encodeURIComponent(key)}</Key><VersionId>${id}</VersionId><IsLatest>${isLatest}</IsLatest><LastModified>2026-01-31T02:00:${String(at).padStart(2, '0')}.123Z</LastModified>`;
		return isMarker
			? `<DeleteMarker>${facts}</DeleteMarker>`
			: `<Version>${facts}<ETag>&quot;e&quot;</ETag><Size>1</Size></Version>`;
	});
	return `<?xml version="1.0"?><ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>${isTruncated}</IsTruncated>${listed.join('')}</ListVersionsResult>`;
}

async function listed(requests: S3Requests, options?: VersionListOptions): Promise<Listed[]> {
	const all: Listed[] = [];
	for await (const { key, versions } of listVersions(requests, options)) {
		for (const { versionId: id, isDeleteMarker } of versions) {
			expect(isDeleteMarker).toBe(id.startsWith('deleted'));
			all.push({ key, id });
		}
	}
	return all;
}

async function failureOf(requests: S3Requests): Promise<string> {
	return await listed(requests).then(
		() => 'none',
		(error: unknown) => (error instanceof BackupError ? `${error.code}: ${error.message}` : String(error)),
	);
}

const ALL: Listed[] = [
	...['3', 'deleted2', 'null'].map((id) => ({ key: 'a', id })),
	{ key: 'a b', id: '1' },
	{ key: 'a+b', id: 'deleted1' },
	...['7', '6', '5', '4', '3', '2', '1'].map((id) => ({ key: 'a/b', id })),
	{ key: 'b%2F', id: '1' },
	{ key: 'c/é', id: '1' },
].sort((one, other) => compareNames(one.key, other.key));

describe('the list of the versions in a bucket', () => {
	it('has every version once, by key, with those of a key together', async () => {
		const { requests } = server(ALL);
		expect(await listed(requests)).toEqual(ALL);
		const keys: string[] = [];
		for await (const { key } of listVersions(server(ALL).requests)) keys.push(key);
		expect(keys).toEqual([...new Set(ALL.map(({ key }) => key))]);
	});

	it('is empty for an empty bucket, which is asked about three times', async () => {
		const { requests, queries } = server([]);
		expect(await listed(requests)).toEqual([]);
		expect(queries).toHaveLength(3);
	});

	it('has those of some keys', async () => {
		const { requests } = server(ALL);
		expect(await listed(requests, { prefix: 'a/' })).toEqual(ALL.filter(({ key }) => key.startsWith('a/')));
	});

	it.each([1, 2, 3, 4])('goes on where page %i says that it is the last one and is not', async (at) => {
		const told: string[] = [];
		const { requests } = server(ALL, (page, request) => {
			if (request === at) page.isTruncated = false;
		});
		expect(await listed(requests, { onRepaired: (message) => told.push(message) })).toEqual(ALL);
		expect(told).toHaveLength(1);
	});

	it('goes on where a page that goes on is empty', async () => {
		const { requests } = server(ALL, (page, request) => {
			if (request === 2) page.items = [];
		});
		expect(await listed(requests)).toEqual(ALL);
	});

	it('goes on where the version that the next page is asked by was removed meanwhile', async () => {
		const all = [...ALL];
		const { requests } = server(all, (page, request) => {
			const last = page.items.at(-1);
			if (request === 3 && last) all.splice(all.indexOf(last), 1);
		});
		// Its versions come again from the newest, without the one that went.
		const found = await listed(requests);
		expect(found).toEqual(all);
		expect(found).toHaveLength(ALL.length - 1);
	});

	it.each([
		['markers after versions', (isMarker: boolean) => Number(isMarker)],
		['markers before versions', (isMarker: boolean) => Number(!isMarker)],
	])('puts together what comes in two groups: %s', async (_, rank) => {
		const all: Listed[] = [
			{ key: 'a', id: 'deleted9', at: 9, isLatest: true },
			{ key: 'a', id: '7', at: 7 },
			{ key: 'a', id: 'deleted5', at: 5 },
			{ key: 'a', id: '3', at: 3 },
			{ key: 'b', id: '1', at: 1, isLatest: true },
			{ key: 'c', id: 'deleted2', at: 2, isLatest: true },
			{ key: 'c', id: '2', at: 2 },
			{ key: 'd', id: '2', at: 2, isLatest: true },
			{ key: 'd', id: 'deleted2', at: 2 },
			{ key: 'e', id: 'deleted8', at: 8, isLatest: true },
			{ key: 'f', id: '1', at: 1, isLatest: true },
		];
		const { requests } = server(all, (page) => {
			page.items.sort((one, other) => rank(one.id.startsWith('deleted')) - rank(other.id.startsWith('deleted')));
		});
		expect(await listed(requests)).toEqual(all.map(({ key, id }) => ({ key, id })));
	});

	it.each([
		['a version twice', (page: Page) => page.items.splice(1, 0, page.items[0]!)],
		['a version of the page before', (page: Page) => page.items.unshift(ALL[0]!)],
		['keys in another order', (page: Page) => page.items.reverse()],
		['nothing, and more to come', (page: Page) => Object.assign(page, { items: [], isTruncated: true })],
		['no end', (page: Page) => (page.text = textOf(page).slice(0, -10))],
		['a version without a time', (page: Page) => (page.text = textOf(page).replace('<LastModified>', '<Modified>'))],
	])('asks again for a page with %s, and fails where that stays so', async (_what, spoil) => {
		const once = server(ALL, (page, request) => void (request === 2 && spoil(page)));
		expect(await listed(once.requests)).toEqual(ALL);
		const always = server(ALL, (page, request) => void (request >= 2 && spoil(page)));
		expect(await failureOf(always.requests)).toMatch(
			/^SOURCE_FAILED: The list of the bucket test cannot be relied upon/,
		);
	});
});

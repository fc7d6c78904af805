import { expect, it } from 'vitest';

import { listObjects } from '../../../../engine/storage/s3/listing';
import type { ListOptions } from '../../../../engine/storage';
import type { S3Request, S3Requests } from '../../../../engine/storage/s3/requests';

/** A bucket of pages with two keys each; every request for one is noted. */
function bucketOf(pages: number): { requests: S3Requests; asked: S3Request[] } {
	const asked: S3Request[] = [];
	const send = async (request: S3Request) => {
		asked.push(request);
		const page = Number(request.query?.['continuation-token'] ?? 0);
		const keys = [`${page}/a b`, `${page}/c`].map(
			(key) => `<Contents><Key>${encodeURIComponent(key)}</Key><Size>1</Size></Contents>`,
		);
		const isLast = page + 1 === pages;
		const next = isLast ? '' : `<NextContinuationToken>${page + 1}</NextContinuationToken>`;
		const head = `<IsTruncated>${!isLast}</IsTruncated>${next}<EncodingType>url</EncodingType>`;
		const text = `<ListBucketResult>${head}${keys.join('')}</ListBucketResult>`;
		return await Promise.resolve({ headers: {}, text });
	};
	return { requests: { send } as unknown as S3Requests, asked };
}

it('lists all pages, one request for each', async () => {
	const { requests, asked } = bucketOf(3);
	const keys: string[] = [];
	for await (const { key } of listObjects(requests, '')) keys.push(key);
	expect(keys).toEqual(['0/a b', '0/c', '1/a b', '1/c', '2/a b', '2/c']);
	expect(asked).toHaveLength(3);
	// With a signal of its own, a request would not end with the run: see S3Requests.send.
	expect(asked.map(({ signal }) => signal)).toEqual([undefined, undefined, undefined]);
});

it('asks for the next page before the objects of the one before it are read, and for no further one', async () => {
	const { requests, asked } = bucketOf(5);
	const objects = listObjects(requests, '');
	await objects.next();
	expect(asked).toHaveLength(2);
	await objects.next();
	expect(asked).toHaveLength(2);
	await objects.next();
	expect(asked).toHaveLength(3);
	await objects.return();
});

it('asks for nothing more when the reader leaves', async () => {
	const { requests, asked } = bucketOf(5);
	for await (const { key } of listObjects(requests, '')) if (key === '0/c') break;
	expect(asked).toHaveLength(2);
});

it('throws what a page fails with when that page is wanted', async () => {
	const { requests } = bucketOf(3);
	const failing = {
		send: async (request: S3Request) => {
			if (request.query?.['continuation-token'] !== undefined) throw new Error('broken');
			return await requests.send(request);
		},
	} as unknown as S3Requests;
	const objects = listObjects(failing, '');
	expect((await objects.next()).value).toMatchObject({ key: '0/a b' });
	expect((await objects.next()).value).toMatchObject({ key: '0/c' });
	await expect(objects.next()).rejects.toThrow('broken');
});

/** A bucket of so many objects in each of three folders, in pages of ten; every request is noted. */
function bucketOfFolders(each: number, { heedsStart = true } = {}) {
	const keys = ['a', 'b', 'c'].flatMap((folder) =>
		Array.from({ length: each }, (_one, index) => `${folder}/${String(index).padStart(4, '0')}`),
	);
	const asked: S3Request[] = [];
	const send = async ({ query = {} }: S3Request) => {
		asked.push({ query } as S3Request);
		const after = query['start-after'];
		const token = query['continuation-token'];
		const start = token !== undefined ? Number(token) : after && heedsStart ? keys.findIndex((key) => key > after) : 0;
		const from = start < 0 ? keys.length : start;
		const page = keys.slice(from, from + 10);
		const isLast = from + 10 >= keys.length;
		const items = page.map((key) => `<Contents><Key>${encodeURIComponent(key)}</Key><Size>1</Size></Contents>`);
		const next = isLast ? '' : `<NextContinuationToken>${from + 10}</NextContinuationToken>`;
		const head = `<IsTruncated>${!isLast}</IsTruncated>${next}<EncodingType>url</EncodingType>`;
		return await Promise.resolve({
			headers: {},
			text: `<ListBucketResult>${head}${items.join('')}</ListBucketResult>`,
		});
	};
	const listed = async (options: ListOptions) => {
		asked.length = 0;
		const found: string[] = [];
		for await (const { key } of listObjects({ send } as unknown as S3Requests, '', undefined, options)) found.push(key);
		return { found, requests: asked.length };
	};
	return { keys, listed };
}

it('leaps over a folder that is left out, however large it is', async () => {
	for (const each of [5, 10, 200]) {
		const { keys, listed } = bucketOfFolders(each);
		const { found, requests } = await listed({ without: 'b/' });
		expect(found).toEqual(keys.filter((key) => !key.startsWith('b/')));
		expect(requests).toBeLessThanOrEqual(Math.ceil((2 * each) / 10) + 3);
	}
});

it('begins and ends where it is told to', async () => {
	const { keys, listed } = bucketOfFolders(200);
	const range = { after: 'b/0100', before: 'b/0109' };
	const { found, requests } = await listed(range);
	expect(found).toEqual(keys.filter((key) => key > range.after && key < range.before));
	// One is asked for ahead.
	expect(requests).toBeLessThanOrEqual(2);
});

it('gives the same from a server that does not begin where it is told to', async () => {
	const { keys, listed } = bucketOfFolders(30, { heedsStart: false });
	expect((await listed({ without: 'b/' })).found).toEqual(keys.filter((key) => !key.startsWith('b/')));
	expect((await listed({ after: 'b/0010' })).found).toEqual(keys.filter((key) => key > 'b/0010'));
});

it('reads a page bit by bit and leaves nothing out, wherever a bit ends', async () => {
	const keys = Array.from({ length: 500 }, (_, index) => `folder/ümläut ${'x'.repeat(index % 90)} ${index}`);
	const items = keys.map((key) => `<Contents><Key>${key}</Key><ETag>&quot;${key.length}&quot;</ETag></Contents>`);
	const text = `<ListBucketResult><IsTruncated>false</IsTruncated>${items.join('\n')}</ListBucketResult>`;
	const requests = { send: () => Promise.resolve({ headers: {}, text }) } as unknown as S3Requests;
	const found: string[] = [];
	for await (const { key, etag } of listObjects(requests, '')) {
		expect(etag).toBe(String(key.length));
		found.push(key);
	}
	expect(found).toEqual(keys);
});

import { expect, it } from 'vitest';

import { listObjects } from '../../../../engine/storage/s3/listing';
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

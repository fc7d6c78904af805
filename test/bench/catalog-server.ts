/**
 * A bucket in memory that speaks the little of S3 that the catalogue and retention use, counts its requests and answers each
 * after a delay, as a link does: `catalog-server.ts <milliseconds> <backups>`. It holds hourly backups of fifty databases. Real
 * servers take longer for a listing; what is measured here is how many requests there are, and how many one after another.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { formatManifest, manifestKeyOf } from '../../engine/archive';
import { smallBackup } from './small-backups';

const PAGE = 1000;

const objects = new Map<string, { content: Buffer; etag: string; modifiedAt: Date }>();
let sorted: string[] | undefined;
let requests = 0;

function put(key: string, content: Buffer): void {
	objects.set(key, { content, etag: createHash('md5').update(content).digest('hex'), modifiedAt: new Date() });
	sorted = undefined;
}

function fill(count: number): void {
	for (let index = 0; index < count; index++) {
		const { manifest, content } = smallBackup(index);
		const key = `postgres/${manifest.file}`;
		put(key, Buffer.from(content));
		put(manifestKeyOf(key), Buffer.from(formatManifest(manifest)));
	}
}

const escape = (text: string) => text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);

/** Of the first key that comes after some that are to be passed over. */
function placeOf(isThere: (key: string) => boolean): number {
	let [low, high] = [0, sorted?.length ?? 0];
	while (low < high) {
		const middle = (low + high) >> 1;
		if (isThere(sorted![middle]!)) high = middle;
		else low = middle + 1;
	}
	return low;
}

function listing(query: URLSearchParams): string {
	sorted ??= [...objects.keys()].sort();
	const prefix = query.get('prefix') ?? '';
	const after = query.get('continuation-token') ?? '';
	const from = placeOf((key) => key > after && key >= prefix);
	const page = sorted.slice(from, from + PAGE).filter((key) => key.startsWith(prefix));
	const isTruncated = page.length === PAGE && from + PAGE < sorted.length;
	const items = page.map((key) => {
		const { content, etag, modifiedAt } = objects.get(key)!;
		return `<Contents><Key>${escape(key)}</Key><LastModified>${modifiedAt.toISOString()}</LastModified><ETag>&quot;${etag}&quot;</ETag><Size>${content.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
	});
	const next = isTruncated ? `<NextContinuationToken>${escape(page.at(-1)!)}</NextContinuationToken>` : '';
	return `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${next}${items.join('')}</ListBucketResult>`;
}

function deleteMany(body: string): string {
	const keys = Array.from(body.matchAll(/<Key>([^<]*)<\/Key>/g), ([, key]) =>
		key!.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code))),
	);
	for (const key of keys) objects.delete(key);
	sorted = undefined;
	return `<DeleteResult>${keys.map((key) => `<Deleted><Key>${escape(key)}</Key></Deleted>`).join('')}</DeleteResult>`;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
	const { pathname, searchParams } = new URL(request.url ?? '/', 'http://server');
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	const body = Buffer.concat(chunks);
	await sleep(delayMs);
	const key = decodeURIComponent(pathname.split('/').slice(2).join('/'));
	response.setHeader('x-amz-request-id', '1');
	const found = objects.get(key);
	const missing = () =>
		response.writeHead(404, { 'content-type': 'application/xml' }).end('<Error><Code>NoSuchKey</Code></Error>');
	if (request.method === 'POST' && searchParams.has('delete')) response.end(deleteMany(body.toString()));
	else if (request.method === 'GET' && key === '' && searchParams.has('uploads'))
		response.end('<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>');
	else if (request.method === 'GET' && key === '' && searchParams.has('object-lock')) {
		const code = 'ObjectLockConfigurationNotFoundError';
		response.writeHead(404, { 'content-type': 'application/xml' }).end(`<Error><Code>${code}</Code></Error>`);
	} else if (request.method === 'GET' && key === '' && searchParams.has('versioning'))
		response.end('<VersioningConfiguration/>');
	else if (request.method === 'GET' && key === '') response.end(listing(searchParams));
	else if (request.method === 'PUT') {
		put(key, body);
		response.setHeader('etag', `"${objects.get(key)!.etag}"`);
		response.end();
	} else if (request.method === 'DELETE') {
		objects.delete(key);
		sorted = undefined;
		response.writeHead(204).end();
	} else if (!found) missing();
	else {
		response.setHeader('etag', `"${found.etag}"`);
		response.setHeader('last-modified', found.modifiedAt.toUTCString());
		response.setHeader('content-length', found.content.length);
		response.end(request.method === 'HEAD' ? undefined : found.content);
	}
}

const [delay = '25', count = '20000'] = process.argv.slice(2);
const delayMs = Number(delay);
fill(Number(count));
const server = createServer((request, response) => {
	requests++;
	void answer(request, response);
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as { port: number }).port }));
process.on('message', () => {
	process.send!({ requests });
	requests = 0;
});

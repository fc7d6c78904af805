import { QdrantClient } from '@qdrant/js-client-rest';
import { describe, expect, it, vi } from 'vitest';

import { exactIntegers } from '../../../../engine/qdrant/client/caller';
import { dispatcherOf, type WrittenRequest } from '../../../../engine/qdrant/client/dispatcher';
// As in every process of n8n: this gives BigInts a toJSON, by which they become texts.
import 'n8n-workflow';

const api = new QdrantClient({ url: 'http://qdrant', port: null, timeout: Infinity, checkCompatibility: false }).api();

describe("requests of Qdrant's client, through the fetch of this Node", () => {
	it('come to whoever sends them as they were written, integers beyond 2^53 too', async () => {
		const sent: WrittenRequest[] = [];
		const dispatcher = dispatcherOf((request) => {
			sent.push(request);
			return Promise.resolve({ text: '{"result":{"points":[{"id":18446744073709551615}]}}', date: undefined });
		});
		const id = 18446744073709551615n as unknown as number;
		expect(JSON.stringify({ id })).toBe('{"id":"18446744073709551615"}');
		const filter = exactIntegers({ must: [{ has_id: [id, 7] }, { key: 'a', match: { value: null } }] });
		const { data } = await api.queryPoints({ collection_name: "a b/ü'", limit: 1, filter }, { dispatcher });
		expect(sent[0]).toMatchObject({ method: 'POST', path: "/collections/a%20b%2F%C3%BC'/points/query" });
		expect(sent[0]!.body).toBe(
			'{"limit":1,"filter":{"must":[{"has_id":[18446744073709551615,7]},{"key":"a","match":{"value":null}}]}}',
		);
		expect(data.result?.points[0]?.id).toBe(id);
	});

	it('are answered with the time of the server', async () => {
		const date = 'Sat, 31 Jan 2026 02:00:00 GMT';
		const dispatcher = dispatcherOf(() => Promise.resolve({ text: '{"version":"1.16.3"}', date }));
		const { data, headers } = await api.root({}, { dispatcher });
		expect(data).toEqual({ version: '1.16.3' });
		expect(headers.get('date')).toBe(date);
	});

	it('fail with what they could not be sent for', async () => {
		const reason = new Error('the server is away');
		const dispatcher = dispatcherOf(() => Promise.reject(reason));
		await expect(api.getCollections({}, { dispatcher })).rejects.toMatchObject({ cause: reason });
	});

	it('are cancelled by the signal of their call', async () => {
		const controller = new AbortController();
		let own: AbortSignal | undefined;
		const dispatcher = dispatcherOf(({ signal }) => {
			own = signal;
			controller.abort();
			return new Promise(() => {});
		});
		const call = api.getCollections({}, { dispatcher, signal: controller.signal });
		await expect(call).rejects.toThrow('aborted');
		expect(own?.aborted).toBe(true);
	});
});

/** What undici 8, the fetch of Node 26, expects of a dispatcher. */
function newHandler() {
	const told: unknown[] = [];
	let abort: (reason?: unknown) => void = () => {};
	let resolve: () => void = () => {};
	const ended = new Promise<void>((done) => (resolve = done));
	return {
		told,
		ended,
		abort: () => abort(),
		onRequestStart: vi.fn((controller: { abort: (reason?: unknown) => void }) => (abort = controller.abort)),
		onResponseStart: vi.fn(({ rawHeaders }: { rawHeaders: Buffer[] }, status: number) => {
			told.push(status, rawHeaders.map(String));
		}),
		onResponseData: vi.fn((_: object, bytes: Buffer) => told.push(String(bytes))),
		onResponseEnd: vi.fn(() => resolve()),
		onResponseError: vi.fn((_: object, error: unknown) => {
			told.push(error);
			resolve();
		}),
	};
}

type Dispatch = { dispatch: (options: object, handler: object) => boolean };

describe('a dispatcher whose handler has the names of undici 8', () => {
	it('tells it the answer', async () => {
		const handler = newHandler();
		const dispatcher = dispatcherOf(({ body }) => Promise.resolve({ text: `[${body}]`, date: 'now' }));
		const body = (async function* () {
			yield Buffer.from('1,');
			yield await Promise.resolve(Buffer.from('2'));
		})();
		(dispatcher as unknown as Dispatch).dispatch({ method: 'PUT', path: '/', body }, handler);
		await handler.ended;
		expect(handler.told).toEqual([200, ['date', 'now'], '[1,2]']);
	});

	it('tells it what has failed, and is cancelled by it', async () => {
		const handler = newHandler();
		const reason = new Error('cancelled');
		const dispatcher = dispatcherOf(({ signal }) => {
			return new Promise((_resolve, reject) => {
				signal.addEventListener('abort', () => reject(reason));
				handler.abort();
			});
		});
		(dispatcher as unknown as Dispatch).dispatch({ method: 'GET', path: '/' }, handler);
		await handler.ended;
		expect(handler.told).toEqual([reason]);
	});
});

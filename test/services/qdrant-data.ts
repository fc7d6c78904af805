import { createHash } from 'node:crypto';

import type { QdrantServer } from './qdrant';

/** Asks a Qdrant server without the engine; throws its message for every status but 200. */
export async function ask<T = unknown>(server: QdrantServer, method: string, path: string, body?: unknown): Promise<T> {
	const response = await fetch(`${server.url}${path}`, {
		method,
		// The server closes connections that were idle for five seconds: none is used again, it might be just then.
		headers: {
			'content-type': 'application/json',
			connection: 'close',
			...(server.apiKey && { 'api-key': server.apiKey }),
		},
		...(body !== undefined && { body: JSON.stringify(body) }),
	});
	const text = await response.text();
	if (response.status !== 200) throw new Error(`${method} ${path}: ${response.status} ${text}`);
	return (JSON.parse(text) as { result: T }).result;
}

export function at(collection: string, rest = ''): string {
	return `/collections/${encodeURIComponent(collection)}${rest}`;
}

export async function countPoints(server: QdrantServer, collection: string): Promise<number> {
	const { count } = await ask<{ count: number }>(server, 'POST', at(collection, '/points/count'), { exact: true });
	return count;
}

/** Numbers that look random and are the same every time. */
export function numbers(seed: number): () => number {
	let state = (seed * 2654435761 + 12345) >>> 0;
	return () => {
		state = (state * 1664525 + 1013904223) >>> 0;
		return state / 2 ** 32;
	};
}

export interface PointShape {
	vector: (random: () => number) => unknown;
	payload?: (id: number, random: () => number) => object;
}

/** Points from an id on, made by the shape. */
export async function fill(
	server: QdrantServer,
	collection: string,
	shape: PointShape,
	{ from = 0, count, batch = 1000 }: { from?: number; count: number; batch?: number },
): Promise<void> {
	for (let first = from; first < from + count; first += batch) {
		const points = Array.from({ length: Math.min(batch, from + count - first) }, (_value, index) => {
			const id = first + index;
			const random = numbers(id);
			return { id, vector: shape.vector(random), payload: shape.payload?.(id, random) ?? { id } };
		});
		await ask(server, 'PUT', at(collection, '/points?wait=true'), { points });
	}
}

export const dense = (size: number) => (random: () => number) => Array.from({ length: size }, () => random() - 0.5);

/** A collection of plain dense vectors with a payload and an index, the everyday case. */
export async function createPlain(server: QdrantServer, collection: string, count: number, size = 8): Promise<void> {
	await ask(server, 'PUT', at(collection), { vectors: { size, distance: 'Cosine' } });
	await ask(server, 'PUT', at(collection, '/index?wait=true'), { field_name: 'group', field_schema: 'keyword' });
	await fill(server, collection, plainShape(size), { count });
}

export function plainShape(size: number): PointShape {
	return { vector: dense(size), payload: (id) => ({ group: `g${id % 7}`, text: `Größe ${id} \u{1F600}` }) };
}

/** SHA-256 over all points in the order of their ids, vectors and payloads included. */
export async function contentHash(server: QdrantServer, collection: string): Promise<string> {
	const hash = createHash('sha256');
	let offset: unknown = null;
	do {
		const page: { points: unknown[]; next_page_offset: unknown } = await ask(
			server,
			'POST',
			at(collection, '/points/scroll'),
			{
				limit: 1000,
				offset,
				with_payload: true,
				with_vector: true,
			},
		);
		for (const point of page.points) hash.update(canonical(point));
		offset = page.next_page_offset;
	} while (offset !== null && offset !== undefined);
	return hash.digest('hex');
}

/** JSON with sorted keys. */
function canonical(value: unknown): string {
	if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
	if (typeof value !== 'object' || value === null) return JSON.stringify(value);
	const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
	return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
}

/** Names of the snapshots of a collection on the server's disk. */
export async function snapshotNames(server: QdrantServer, collection: string): Promise<string[]> {
	const found = await ask<{ name: string }[]>(server, 'GET', at(collection, '/snapshots'));
	return found.map(({ name }) => name).sort();
}

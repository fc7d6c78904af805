import { onTestFinished } from 'vitest';

import { ByteCursor } from '../../../../engine/archive/cursor';
import { checkSnapshot, type SnapshotReport } from '../../../../engine/qdrant/snapshot';
import { walkTar } from '../../../../engine/tar';
import { startQdrant, type QdrantOptions, type QdrantServer } from '../../../services/qdrant';
import { inPieces, padded, sealed } from '../../../unit/tar/build-tar';

export interface Point {
	id: number | string;
	vector: unknown;
	payload?: unknown;
}

/** A server with what the tests ask of it. */
export class SnapshotServer {
	constructor(readonly server: QdrantServer) {}

	async call<T>(method: string, path: string, body?: unknown): Promise<T> {
		const response = await fetch(this.server.url + path, {
			method,
			headers: { 'content-type': 'application/json', connection: 'close' },
			...(body !== undefined && { body: JSON.stringify(body) }),
		});
		const text = await response.text();
		if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
		return (JSON.parse(text) as { result: T }).result;
	}

	create(name: string, config: unknown): Promise<unknown> {
		return this.call('PUT', `/collections/${name}`, config);
	}

	put(name: string, points: Point[], more: object = {}): Promise<unknown> {
		return this.call('PUT', `/collections/${name}/points?wait=true`, { points, ...more });
	}

	async count(name: string): Promise<number> {
		return (await this.call<{ count: number }>('POST', `/collections/${name}/points/count`, { exact: true })).count;
	}

	/** Makes a snapshot and fetches it. @param path `/collections/shop/snapshots`, `/snapshots` */
	async snapshot(path: string): Promise<Buffer> {
		const { name } = await this.call<{ name: string }>('POST', `${path}?wait=true`, {});
		return await this.download(`${path}/${name}`);
	}

	async download(path: string): Promise<Buffer> {
		const response = await fetch(this.server.url + path, {
			headers: { 'accept-encoding': 'identity', connection: 'close' },
		});
		if (!response.ok) throw new Error(`GET ${path}: ${response.status}`);
		return Buffer.from(await response.arrayBuffer());
	}
}

/** A server that ends with the test. */
export async function snapshotServer(options: QdrantOptions = {}): Promise<SnapshotServer> {
	const server = await startQdrant(options);
	onTestFinished(() => server.stop());
	return new SnapshotServer(server);
}

export function points(count: number, vector: (index: number) => unknown): Point[] {
	return Array.from({ length: count }, (_, index) => ({
		id: index + 1,
		vector: vector(index),
		payload: { city: index % 2 ? 'Berlin' : 'Rome', n: index },
	}));
}

export function vectorOf(size: number, seed: number): number[] {
	return Array.from({ length: size }, (_, index) => Math.sin(seed * 7 + index));
}

export function check(bytes: Uint8Array, pieces = 64 * 1024): Promise<SnapshotReport> {
	return checkSnapshot(inPieces(bytes, pieces));
}

export interface Piece {
	name: string;
	/** Header, content and padding. */
	bytes: Buffer;
	content: Buffer;
}

/** The members of a snapshot, to be put together in another way. */
export async function membersOf(snapshot: Buffer): Promise<Piece[]> {
	const pieces: Piece[] = [];
	await walkTar(new ByteCursor(inPieces(snapshot)), ({ name, headerOffset, storedSize, end }) => {
		const bytes = snapshot.subarray(headerOffset, Math.ceil(end / 512) * 512);
		pieces.push({ name, bytes, content: snapshot.subarray(end - storedSize, end) });
		return Promise.resolve();
	});
	return pieces;
}

/** A tar of members; undefined leaves one out. */
export function joined(pieces: Array<Piece | undefined>, endMark = true): Buffer {
	const bytes = pieces.flatMap((piece) => (piece ? [piece.bytes] : []));
	return Buffer.concat(endMark ? [...bytes, Buffer.alloc(1024)] : bytes);
}

/** A member that is no sparse file, with other content under the same name. */
export function withContent({ name, bytes }: Piece, content: Buffer): Piece {
	const header = Buffer.from(bytes.subarray(0, 512));
	header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
	return { name, content, bytes: Buffer.concat([sealed(header), padded(content)]) };
}

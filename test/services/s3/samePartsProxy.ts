import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';

export interface SamePartsProxy {
	endpoint: string;
	/** By upload, the length of each part by its number. */
	parts: Map<string, Map<number, number>>;
	stop(): Promise<void>;
}

/**
 * Stands before a real S3 server and has the rule of Cloudflare R2: an upload whose parts, the last one excepted, have
 * several lengths is refused when it is completed
 * (https://developers.cloudflare.com/r2/objects/multipart-objects/#limitations).
 */
export async function startSamePartsProxy(target: string): Promise<SamePartsProxy> {
	const parts: SamePartsProxy['parts'] = new Map();
	const server = createServer((incoming, outgoing) => {
		const query = new URL(incoming.url ?? '/', target).searchParams;
		const uploadId = query.get('uploadId') ?? '';
		const number = Number(query.get('partNumber'));
		if (number > 0) {
			const lengths = parts.get(uploadId) ?? new Map<number, number>();
			parts.set(uploadId, lengths.set(number, Number(incoming.headers['content-length'])));
		}
		const isComplete = incoming.method === 'POST' && uploadId !== '';
		if (isComplete && !areSame(parts.get(uploadId))) refuse(incoming, outgoing);
		else forward(incoming, outgoing, target);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		parts,
		stop: async () => {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

function areSame(parts: Map<number, number> = new Map()): boolean {
	const last = Math.max(...parts.keys());
	const lengths = [...parts].filter(([number]) => number !== last).map(([, length]) => length);
	const isShorter = (parts.get(last) ?? 0) <= (lengths[0] ?? Infinity);
	return new Set(lengths).size <= 1 && isShorter;
}

function refuse(incoming: IncomingMessage, outgoing: ServerResponse): void {
	incoming.resume();
	const message = 'All non-trailing parts must have the same length.';
	outgoing.writeHead(400, { 'content-type': 'application/xml' });
	outgoing.end(`<?xml version="1.0"?><Error><Code>InvalidPart</Code><Message>${message}</Message></Error>`);
}

/** The headers go through as they are: the signature covers them. */
function forward(incoming: IncomingMessage, outgoing: ServerResponse, target: string): void {
	const { method, url, headers } = incoming;
	const passed = request(new URL(url ?? '/', target), { method, headers }, (answer) => {
		outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
		pipeline(answer, outgoing).catch(() => outgoing.destroy());
	});
	pipeline(incoming, passed).catch(() => outgoing.destroy());
}

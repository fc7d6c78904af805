import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import { onTestFinished } from 'vitest';

import { N8nApi } from '../../../engine';

export const API_KEY = 'key-that-nobody-may-see';

/** What is asked of the server. */
export interface Asked {
	method: string;
	/** Below /api/v1, without the query. */
	path: string;
	query: URLSearchParams;
	body: unknown;
}

/** An answer: JSON with the status 200, unless it says otherwise; none means that the connection is left open. */
export interface Answer {
	status?: number;
	json?: unknown;
	/** Instead of JSON. */
	text?: string;
	headers?: Record<string, string>;
}

export interface FakeN8n {
	api(role?: 'source' | 'target'): N8nApi;
	/** `GET /workflows`, in order. */
	requests: string[];
	bodies: unknown[];
}

/**
 * A server that answers in place of an n8n, for what no n8n does on demand: old ones, and those that lie. What `answer` leaves
 * undefined is a list of nothing.
 */
export async function fakeN8n(answer: (asked: Asked) => Answer | 'never' | undefined): Promise<FakeN8n> {
	const requests: string[] = [];
	const bodies: unknown[] = [];
	const respond = async (request: IncomingMessage, response: ServerResponse) => {
		const url = new URL(request.url ?? '', 'http://fake');
		const path = url.pathname.replace('/api/v1', '');
		const sent = await text(request);
		const body: unknown = sent === '' ? undefined : JSON.parse(sent);
		const { method = '' } = request;
		requests.push(`${method} ${path}`);
		bodies.push(body);
		const given = answer({ method, path, query: url.searchParams, body }) ?? { json: { data: [], nextCursor: null } };
		if (given === 'never') return;
		response.writeHead(given.status ?? 200, { 'content-type': 'application/json', ...given.headers });
		response.end(given.text ?? JSON.stringify(given.json));
	};
	const server = createServer((request, response) => void respond(request, response));
	await new Promise<void>((listens) => server.listen(0, '127.0.0.1', listens));
	onTestFinished(() => {
		server.close();
		server.closeAllConnections();
	});
	const { port } = server.address() as AddressInfo;
	const connection = { baseUrl: `http://127.0.0.1:${port}/api/v1`, apiKey: API_KEY };
	return { requests, bodies, api: (role = 'source') => new N8nApi(connection, role) };
}

export interface FakeWorkflow {
	[member: string]: unknown;
	id: string;
	name: string;
}

export function fakeWorkflow(id: string, more: object = {}): FakeWorkflow {
	return { id, name: `Workflow ${id}`, active: false, nodes: [], connections: {}, settings: {}, ...more };
}

/** Answers the list of workflows, and each of them, as n8n 2.41.3 does. */
export function holding(workflows: readonly FakeWorkflow[]) {
	return ({ method, path, query }: Asked): Answer | undefined => {
		if (method !== 'GET' || !path.startsWith('/workflows')) return undefined;
		if (path === '/workflows') return { json: page(workflows, query) };
		const found = workflows.find(({ id }) => path === `/workflows/${encodeURIComponent(id)}`);
		return found ? { json: found } : { status: 404, json: { message: 'Not Found' } };
	};
}

/** A page of a list, with cursors as n8n makes them. */
export function page<T>(entries: readonly T[], query: URLSearchParams): { data: T[]; nextCursor: string | null } {
	const cursor = query.get('cursor');
	const asked = cursor === null ? { offset: 0, limit: Number(query.get('limit')) } : decoded(cursor);
	const end = asked.offset + asked.limit;
	const nextCursor = entries.length > end ? encoded({ limit: asked.limit, offset: end }) : null;
	return { data: entries.slice(asked.offset, end), nextCursor };
}

function decoded(cursor: string): { limit: number; offset: number } {
	return JSON.parse(Buffer.from(cursor, 'base64').toString()) as { limit: number; offset: number };
}

function encoded(value: unknown): string {
	return Buffer.from(JSON.stringify(value)).toString('base64');
}

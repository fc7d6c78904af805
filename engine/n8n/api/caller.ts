import { setTimeout as sleep } from 'node:timers/promises';

import { cancelled } from '../../errors';
import type { Shape } from './answers';
import { apiUrl, checkedKey, DEFAULT_TIMEOUTS, describeApi, instanceOf, type N8nApiConnection } from './connection';
import { type CallFacts, connectionFailure, explain, N8nFailure, type Role } from './failure';
import { type ApiAnswer, type ApiRequest, send } from './http';

/** What is asked, and what it takes. */
export interface Call extends Pick<ApiRequest, 'path' | 'query' | 'signal'>, Pick<CallFacts, 'what' | 'scope'> {
	method?: ApiRequest['method'];
	/** Sent as JSON. */
	body?: unknown;
	/** Bytes of the answer at most; 16 MiB by default, which no list of names comes near. */
	limit?: number;
}

const SMALL_ANSWER = 16 * 1024 * 1024;
const MAX_MESSAGE = 500;
/** A refusal for frequency is waited for so long at once at most: what asks for more is told to the user. */
const LONGEST_PAUSE_S = 120;
/** All waits of a run together, in milliseconds. */
const PATIENCE_MS = 300_000;
const ATTEMPTS = 5;

/** Makes the calls to one n8n: asks again where that does no harm, reads the answers, and explains failures. */
export class Caller {
	/** The address of the API, for messages. */
	readonly server: string;
	/** The address of the n8n. */
	readonly instance: string;
	readonly #base: URL;
	readonly #apiKey: string;
	readonly #timeouts;
	#patience = PATIENCE_MS;

	/** @throws BackupError INVALID_INPUT for an address or a key that is none */
	constructor(
		connection: N8nApiConnection,
		private readonly role: Role,
	) {
		this.#base = apiUrl(connection.baseUrl);
		this.#apiKey = checkedKey(connection.apiKey);
		this.#timeouts = { ...DEFAULT_TIMEOUTS, ...connection.timeouts };
		this.server = describeApi(this.#base);
		this.instance = instanceOf(this.#base);
	}

	/**
	 * What n8n answers, once it has proved to have the shape.
	 * @throws BackupError CANCELLED, ACCESS_DENIED, SOURCE_* or TARGET_*
	 */
	async ask<T>(call: Call, shape: Shape<T>): Promise<T> {
		const { what, scope, signal } = call;
		try {
			const answer = await this.#patiently(call);
			return shapeOf(answer, shape);
		} catch (error) {
			if (signal?.aborted) throw cancelled();
			throw explain(error, { what, scope, role: this.role, server: this.server });
		}
	}

	/**
	 * Sends it until it is answered: what is refused for its frequency after the time that the answer names, and what only reads
	 * also where the connection broke or a proxy could not reach n8n.
	 */
	async #patiently(call: Call): Promise<ApiAnswer> {
		const { method = 'GET', signal } = call;
		for (let attempt = 1; ; attempt++) {
			try {
				return await this.#once(call);
			} catch (error) {
				if (signal?.aborted) throw error;
				const pause = pauseAfter(connectionFailure(error), method, attempt);
				if (pause === undefined || pause > this.#patience) throw error;
				this.#patience -= pause;
				await sleep(pause, undefined, { signal });
			}
		}
	}

	async #once({ method = 'GET', path, query, body, signal, limit = SMALL_ANSWER }: Call): Promise<ApiAnswer> {
		const request: ApiRequest = {
			method,
			path,
			limit,
			signal,
			...(query && { query }),
			...(body !== undefined && { body: JSON.stringify(body) }),
		};
		const answer = await send(this.#base, this.#apiKey, request, this.#timeouts);
		if (answer.status >= 200 && answer.status < 300) return answer;
		throw refusal(answer, this.#apiKey);
	}
}

/** Milliseconds until the next attempt; undefined where there is to be none. */
function pauseAfter(failure: N8nFailure, method: string, attempt: number): number | undefined {
	const { status, isForeign, retryAfter } = failure;
	if (attempt >= ATTEMPTS) return undefined;
	const usual = 500 * 2 ** (attempt - 1);
	if (status === 429) {
		if (retryAfter === undefined) return usual * 4;
		return retryAfter <= LONGEST_PAUSE_S ? retryAfter * 1000 : undefined;
	}
	// A call that changes something may have done it although its answer was lost.
	if (method !== 'GET') return undefined;
	const isOutage = status === undefined ? !isForeign : status === 502 || status === 503 || status === 504;
	return isOutage ? usual : undefined;
}

/** Reads a good answer. @throws N8nFailure where it is not one of n8n's API */
function shapeOf<T>({ status, text }: ApiAnswer, shape: Shape<T>): T {
	const json = text.trim() === '' ? undefined : parsed(text);
	if (json instanceof N8nFailure) throw json;
	const checked = shape.safeParse(json);
	if (checked.success) return checked.data;
	const [issue] = checked.error.issues;
	const where = ['the answer', ...(issue?.path ?? [])].join('.');
	throw new N8nFailure(`the answer is not one of n8n's API (${where}: ${issue?.message})`, { status, isForeign: true });
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		const what = isPage(text) ? 'a web page' : 'no JSON';
		return new N8nFailure(`the answer is ${what}, so it did not come from n8n's API`, { status: 200, isForeign: true });
	}
}

/** The failure for an answer with any status that is not good. n8n gives its reasons as `{"message":"..."}`. */
function refusal({ status, headers, text }: ApiAnswer, apiKey: string): N8nFailure {
	const retryAfter = secondsIn(headers['retry-after']);
	const facts = { status, ...(retryAfter !== undefined && { retryAfter }) };
	const own = messageIn(text);
	if (own !== undefined) {
		const message = own.replaceAll(apiKey, '***').slice(0, MAX_MESSAGE);
		return new N8nFailure(message === '' ? `it answered with the status ${status}` : message, facts);
	}
	const { location } = headers;
	const target = location === undefined ? undefined : bareUrl(location);
	const what =
		status >= 300 && status < 400 && target !== undefined ? `a redirect to ${target}` : `the status ${status}`;
	return new N8nFailure(`something in n8n's place answered with ${what}`, { ...facts, isForeign: true });
}

function messageIn(text: string): string | undefined {
	try {
		const answer = JSON.parse(text) as { message?: unknown } | null;
		return typeof answer?.message === 'string' ? answer.message : undefined;
	} catch {
		return undefined;
	}
}

/** Behind the path of a URL may stand what is secret. */
function bareUrl(location: string): string {
	return location
		.replace(/[?#].*$/s, '')
		.replace(/\/\/[^/@]*@/, '//')
		.slice(0, MAX_MESSAGE);
}

/** Seconds to wait, from a number of seconds or a date (RFC 9110 10.2.3). */
function secondsIn(header: string | undefined): number | undefined {
	if (header === undefined) return undefined;
	const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
	return Number.isFinite(seconds) ? Math.max(seconds, 0) : undefined;
}

function isPage(text: string): boolean {
	return text.trimStart().startsWith('<');
}

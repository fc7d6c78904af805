import { hash } from 'node:crypto';
import type { Agent, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';

import { addressOf } from './address';
import { agentFor } from './connections';
import { failureOfConnection, isPassing, notS3, S3Failure } from './failure';
import type { S3Settings } from './options';
import { withGrace } from './grace';
import { withRetry } from './retry';
import { presigned, queryText, signed, UNSIGNED } from './signature';
import { StreamedBody } from './streamed-body';
import { exchange, readText } from './transport';
import { Watch } from './watch';
import { textOf } from './xml';

export interface S3Request {
	method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
	/** The whole key in the bucket; none for requests about the bucket. */
	key?: string;
	query?: Record<string, string>;
	headers?: Record<string, string>;
	/** In memory, so that it can be sent again. */
	body?: Buffer;
	signal?: AbortSignal;
	/**
	 * For requests that create something: how long one that is under way may go on when the signal fires, so that its
	 * outcome becomes known and can be undone. Default 0.
	 */
	graceMs?: number;
	/** Looks at an answer and throws an S3Failure where the request has to be sent again. */
	check?: (answer: S3Answer) => void;
	/** Where the server may stay silent for longer than the policy allows. */
	stallMs?: number;
}

/** A request whose body is read while it is sent. */
export interface StreamedRequest extends Pick<S3Request, 'key' | 'query' | 'headers' | 'signal'> {
	method: 'PUT';
	/** Bytes of the body. */
	size: number;
	content: AsyncIterable<Uint8Array>;
}

export interface S3Answer {
	headers: IncomingHttpHeaders;
	text: string;
}

/** A page of a thousand keys takes 4 MB at most, escaped as they may be; what is longer is no answer of S3's. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** What servers know us by in their logs. */
const USER_AGENT = 'n8n-nodes-stack-backup';

/** For each request of what a cancelled run still has to do. */
const CLEAN_UP_MS = 5000;

/** Sends signed requests to one bucket, or to the server itself, again where a failure may pass. */
export class S3Requests {
	readonly #agent: Agent;
	/** One for all requests: what one of them finds out about the server, the others know. */
	readonly watch: Watch;

	/** @param others requests to the same server, whose connections are to be used */
	constructor(
		readonly settings: S3Settings,
		others?: S3Requests,
	) {
		this.#agent = others ? others.#agent : agentFor(settings);
		const server = `S3 server ${settings.host}:${settings.port}`;
		this.watch = others ? others.watch : new Watch(server, settings.retry.clock, settings.onNotice, settings.runSignal);
	}

	/** Requests to another bucket of the same server. */
	inBucket(bucket: string): S3Requests {
		return new S3Requests({ ...this.settings, bucket }, this);
	}

	/**
	 * Sends a request and reads its answer.
	 * @throws S3Failure; BackupError CANCELLED
	 */
	async send(request: S3Request): Promise<S3Answer> {
		const { runSignal } = this.settings;
		const [signal, graceMs] = request.signal ? [request.signal, request.graceMs ?? 0] : [runSignal, CLEAN_UP_MS];
		return await this.#retried(request, () => withGrace(signal, graceMs, (late) => this.#exchange(request, late)));
	}

	/**
	 * Sends a request once, for its body is gone then: see `repeated`. The body is no part of the signature, so the caller has to know by
	 * the answer, or by a Content-MD5, that the server has what was sent.
	 * @throws S3Failure; BodyFailure for what the content throws
	 */
	async sendStreamed({ content, size, ...request }: StreamedRequest): Promise<S3Answer> {
		const body = new StreamedBody(content);
		try {
			const headers = { ...request.headers, 'content-length': String(size) };
			return await this.#exchange({ ...request, headers }, request.signal, body.stream);
		} catch (error) {
			throw body.failure ?? error;
		} finally {
			body.close();
		}
	}

	/** Repeats an action, of requests that are sent once, for as long as its failures may pass. @throws as the action; BackupError CANCELLED */
	async repeated<T>(signal: AbortSignal | undefined, action: () => Promise<T>): Promise<T> {
		return await this.#retried({ signal }, action);
	}

	async #exchange(request: S3Request, signal: AbortSignal | undefined, body?: Readable): Promise<S3Answer> {
		const response = await this.#sendOnce(request, signal, body);
		const text = await readText(response, MAX_ANSWER_BYTES);
		if (text.length > MAX_ANSWER_BYTES) throw notS3(response.statusCode, 'It answers with far more than was asked for');
		throwIfErrorBody(text);
		throwIfPage(response, text);
		const answer = { headers: response.headers, text };
		request.check?.(answer);
		return answer;
	}

	/**
	 * Sends a request and hands its answer over as soon as its headers are there; the body is the caller's to read.
	 * @throws S3Failure; BackupError CANCELLED
	 */
	async open(request: S3Request): Promise<IncomingMessage> {
		return await this.#retried(request, () => this.#sendOnce(request, request.signal));
	}

	/** A signed address of an object for GET. */
	presignedUrl(key: string, seconds: number): string {
		const { hostHeader, path } = addressOf(this.settings, key);
		const request = { method: 'GET', path, headers: { host: hostHeader } };
		return presigned(request, this.settings.secure ? 'https:' : 'http:', seconds, this.settings);
	}

	/** Closes idle connections. */
	close(): void {
		this.#agent.destroy();
	}

	async #retried<T>(request: { signal?: AbortSignal | undefined }, action: () => Promise<T>): Promise<T> {
		try {
			const result = await withRetry(this.settings.retry, this.watch, request.signal, action);
			this.watch.succeeded();
			return result;
		} catch (error) {
			// That there is no such object is an answer as well.
			if (error instanceof S3Failure && error.status !== undefined && !isPassing(error)) this.watch.succeeded();
			throw error;
		}
	}

	/** @param body that is read while it is sent, in the place of the request's own */
	async #sendOnce(request: S3Request, signal: AbortSignal | undefined, body?: Readable): Promise<IncomingMessage> {
		const { retry, secure, port } = this.settings;
		const { method, query = {}, key } = request;
		const stallMs = request.stallMs ?? retry.stallMs;
		try {
			const { host, hostHeader, path: plain } = addressOf(this.settings, key);
			const path = Object.keys(query).length > 0 ? `${plain}?${queryText(query)}` : plain;
			const headers: Record<string, string> = { host: hostHeader, 'user-agent': USER_AGENT };
			for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = value;
			if (!body && (method === 'PUT' || method === 'POST' || method === 'DELETE')) {
				headers['content-length'] = String(request.body?.length ?? 0);
			}
			// The hash of a stream would have to be known before it is sent; and what is encrypted cannot be changed on its way.
			const payload = body || secure ? UNSIGNED : hash('sha256', request.body ?? '');
			return await exchange(
				{
					secure,
					agent: this.#agent,
					host,
					port,
					method,
					path,
					headers: signed({ method, path, headers }, payload, this.settings),
					body: body ?? request.body,
				},
				{
					signal,
					stallMs,
					connectTimeoutMs: retry.connectTimeoutMs,
					onAnswer: () => this.watch.answered(),
					onSilence: (silentMs: number) => this.watch.silent(silentMs, stallMs),
				},
			);
		} catch (error) {
			throw failureOfConnection(error);
		}
	}
}

/** S3 may answer 200 at once and tell of a failure in the body (CompleteMultipartUpload, CopyObject). */
function throwIfErrorBody(text: string): void {
	if (!/^\s*(?:<\?xml[^>]*>\s*)?<Error[\s>]/.test(text)) return;
	const code = textOf(text, 'Code') ?? 'InternalError';
	throw new S3Failure(textOf(text, 'Message') ?? code, { status: 500, code });
}

/**
 * S3 answers in XML or with nothing; a page comes from whatever else stands at the address, a login page for instance. Swift calls
 * its answer to a batch of deletions a page as well (text/html), so a body that is XML counts as what it is.
 */
function throwIfPage({ statusCode, headers }: IncomingMessage, text: string): void {
	const isPage = /^\s*(<!doctype html|<html[\s>])/i.test(text);
	const isXml = /^\uFEFF?\s*<\?xml\s[^>]*>\s*<(?![!?]|html[\s>])/i.test(text);
	if (isPage || (text !== '' && !isXml && isHtml(headers))) throw notS3(statusCode, 'It answers with a web page');
}

/**
 * Makes sure that an answer is the document that was asked for: anything else would pass for an empty one.
 * @param root the name of its outermost element
 * @throws S3Failure NotS3
 */
export function assertRoot({ text }: S3Answer, root: string): void {
	if (hasRoot(text, root)) return;
	throw notS3(200, `It answers with something else than ${root}`);
}

/**
 * Makes sure that the answer to what makes an object says that this was done. The status comes before the work, and some proxies
 * answer anything with an empty 200: an older object under the key would pass for the new one.
 * @param root the name of its outermost element
 * @throws S3Failure InternalError, which is worth another attempt
 */
export function assertDone({ text }: S3Answer, root: string): void {
	if (hasRoot(text, root)) return;
	throw new S3Failure(`The answer does not say what became of the request: it is no ${root}`, {
		status: 500,
		code: 'InternalError',
	});
}

function hasRoot(text: string, root: string): boolean {
	return new RegExp(`^\\uFEFF?\\s*(?:<\\?xml[^>]*>\\s*)?<${root}[\\s/>]`).test(text);
}

/** Whether an answer says that it is a web page. */
export function isHtml(headers: IncomingHttpHeaders): boolean {
	return /^\s*(text\/html|application\/xhtml)/i.test(headers['content-type'] ?? '');
}

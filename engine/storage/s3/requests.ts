import type { Agent, IncomingHttpHeaders, IncomingMessage } from 'node:http';

import { Client } from 'minio';

import { BackupError, messageOf } from '../../errors';
import { failureOfConnection, isPassing, notS3, S3Failure } from './failure';
import { agentFor, type S3Settings } from './options';
import { withGrace } from './grace';
import { withRetry } from './retry';
import { readText, transport, withContext } from './transport';
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
	/** Looks at an answer's headers and throws an S3Failure where the request has to be sent again. */
	check?: (headers: IncomingHttpHeaders) => void;
	/** Where the server may stay silent for longer than the policy allows. */
	stallMs?: number;
}

export interface S3Answer {
	headers: IncomingHttpHeaders;
	text: string;
}

/** A page of a thousand keys takes 4 MB at most, escaped as they may be; what is longer is no answer of S3's. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** For each request of what a cancelled run still has to do. */
const CLEAN_UP_MS = 5000;

/** Sends signed requests to one bucket, or to the server itself, again where a failure may pass. */
export class S3Requests {
	readonly #client: Client;
	readonly #agent: Agent;
	/** One for all requests: what one of them finds out about the server, the others know. */
	readonly watch: Watch;

	/**
	 * @param others requests to the same server, whose connections are to be used
	 * @throws BackupError INVALID_INPUT where the minio client refuses the settings
	 */
	constructor(
		readonly settings: S3Settings,
		others?: S3Requests,
	) {
		this.#agent = others ? others.#agent : agentFor(settings);
		this.#client = others ? others.#client : clientFor(settings, this.#agent);
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

	async #exchange(request: S3Request, signal: AbortSignal | undefined): Promise<S3Answer> {
		const response = await this.#sendOnce(request, signal);
		const text = await readText(response, MAX_ANSWER_BYTES);
		if (text.length > MAX_ANSWER_BYTES) throw notS3(response.statusCode, 'It answers with far more than was asked for');
		throwIfErrorBody(text);
		throwIfPage(response, text);
		request.check?.(response.headers);
		return { headers: response.headers, text };
	}

	/**
	 * Sends a request and hands its answer over as soon as its headers are there; the body is the caller's to read.
	 * @throws S3Failure; BackupError CANCELLED
	 */
	async open(request: S3Request): Promise<IncomingMessage> {
		return await this.#retried(request, () => this.#sendOnce(request, request.signal));
	}

	/** A signed address of an object for GET. */
	async presignedUrl(key: string, seconds: number): Promise<string> {
		return await this.#client.presignedGetObject(this.settings.bucket, key, seconds);
	}

	/** Closes idle connections. */
	close(): void {
		this.#agent.destroy();
	}

	async #retried<T>(request: S3Request, action: () => Promise<T>): Promise<T> {
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

	async #sendOnce(request: S3Request, signal: AbortSignal | undefined): Promise<IncomingMessage> {
		const { retry, bucket, region } = this.settings;
		const stallMs = request.stallMs ?? retry.stallMs;
		const context = {
			signal,
			stallMs,
			connectTimeoutMs: retry.connectTimeoutMs,
			onAnswer: () => this.watch.answered(),
			onSilence: (silentMs: number) => this.watch.silent(silentMs, stallMs),
		};
		const options = {
			method: request.method,
			bucketName: bucket,
			objectName: request.key,
			query: queryString(request.query ?? {}),
			headers: { ...request.headers },
		};
		try {
			return await withContext(context, () =>
				this.#client.makeRequestAsync(options, request.body ?? '', [200, 204, 206], region),
			);
		} catch (error) {
			throw failureOfConnection(error);
		}
	}
}

function clientFor(settings: S3Settings, agent: Agent): Client {
	try {
		return new Client({
			endPoint: settings.host,
			port: settings.port,
			useSSL: settings.secure,
			region: settings.region,
			accessKey: settings.accessKeyId,
			secretKey: settings.secretAccessKey,
			sessionToken: settings.sessionToken,
			pathStyle: settings.forcePathStyle,
			transport: transport(settings.secure),
			transportAgent: agent,
			retryOptions: { disableRetry: true },
		});
	} catch (cause) {
		throw new BackupError('INVALID_INPUT', `The S3 settings are not valid: ${messageOf(cause)}.`, {
			cause,
			hint: 'Check endpoint and region in the credential.',
		});
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
	if (new RegExp(`^\\uFEFF?\\s*(?:<\\?xml[^>]*>\\s*)?<${root}[\\s/>]`).test(text)) return;
	throw notS3(200, `It answers with something else than ${root}`);
}

/** Whether an answer says that it is a web page. */
export function isHtml(headers: IncomingHttpHeaders): boolean {
	return /^\s*(text\/html|application\/xhtml)/i.test(headers['content-type'] ?? '');
}

function queryString(query: Record<string, string>): string {
	return Object.entries(query)
		.map(([name, value]) => (value === '' ? name : `${name}=${escapeQuery(value)}`))
		.join('&');
}

/** Percent-encoding as the signature wants it (RFC 3986), which is stricter than JavaScript's. */
function escapeQuery(value: string): string {
	return encodeURIComponent(value).replace(/[!'()*]/g, (character) => {
		return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
	});
}

import type { Agent, IncomingHttpHeaders, IncomingMessage } from 'node:http';

import { Client } from 'minio';

import { BackupError, messageOf } from '../../errors';
import { failureOfConnection, isConnectionFailure, S3Failure } from './failure';
import { agentFor, type S3Settings } from './options';
import { withGrace } from './grace';
import { withRetry } from './retry';
import { readText, transport, withContext } from './transport';
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
	idleTimeoutMs?: number;
}

export interface S3Answer {
	headers: IncomingHttpHeaders;
	text: string;
}

/**
 * A server that has never answered is more likely a wrong address than an outage: few attempts tell the user sooner.
 */
const ATTEMPTS_BEFORE_FIRST_ANSWER = 3;

/** Sends signed requests to one bucket, again where a failure may pass. */
export class S3Requests {
	readonly #client: Client;
	readonly #agent: Agent;
	#answered = false;

	/** @throws BackupError INVALID_INPUT where the minio client refuses the settings */
	constructor(readonly settings: S3Settings) {
		this.#agent = agentFor(settings);
		this.#client = clientFor(settings, this.#agent);
	}

	/**
	 * Sends a request and reads its answer.
	 * @throws S3Failure; BackupError CANCELLED
	 */
	async send(request: S3Request): Promise<S3Answer> {
		return await this.#retried(request, () =>
			withGrace(request.signal, request.graceMs ?? 0, (signal) => this.#exchange(request, signal)),
		);
	}

	async #exchange(request: S3Request, signal: AbortSignal | undefined): Promise<S3Answer> {
		const response = await this.#sendOnce(request, signal);
		const text = await readText(response);
		throwIfErrorBody(text);
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
		return await withRetry(this.settings.retry, request.signal, action, (failure) => {
			return this.#answered || !isConnectionFailure(failure) || failure.attempts < ATTEMPTS_BEFORE_FIRST_ANSWER;
		});
	}

	async #sendOnce(request: S3Request, signal: AbortSignal | undefined): Promise<IncomingMessage> {
		const { retry, bucket, region } = this.settings;
		const context = {
			signal,
			idleTimeoutMs: request.idleTimeoutMs ?? retry.idleTimeoutMs,
			connectTimeoutMs: retry.connectTimeoutMs,
			onAnswer: () => (this.#answered = true),
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

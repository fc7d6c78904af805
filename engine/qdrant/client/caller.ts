import type { QdrantClient as Client } from '@qdrant/js-client-rest';

import { BackupError, cancelled } from '../../errors';
import { ANSWERS, assertParsed, parsed, refusal, resultOf } from './answer';
import { checkedApiKey, checkedTimeouts, describeUrl, type QdrantConnection, type QdrantTimeouts } from './connection';
import { dispatcherOf, type ReadAnswer, type WrittenRequest } from './dispatcher';
import { connectionFailure, explain, QdrantFailure, type Role } from './failure';
import { RetryBudget } from './retry';
import { open, readText, upload, type HttpRequest, type UploadBody, type WholeAnswer } from './http';

/** Qdrant's calls by their names in its OpenAPI description. */
export type Api = ReturnType<Client['api']>;

let loaded: Promise<Api> | undefined;

/**
 * Writes requests and reads answers for every server, because the dispatcher decides where a request goes. It has no time-out,
 * because the client would use that in place of each call's signal. It is loaded when it is first needed: with its HTTP library it
 * takes 30 MB, also of an n8n that has no Qdrant.
 */
async function loadApi(): Promise<Api> {
	loaded ??= import('@qdrant/js-client-rest').then(({ QdrantClient }) =>
		new QdrantClient({ url: 'http://qdrant', port: null, timeout: Infinity, checkCompatibility: false }).api(),
	);
	return await loaded;
}

export interface CallOptions {
	signal?: AbortSignal | undefined;
	/** Milliseconds until the answer begins, 0 for none; by default as long as a quick question may take. */
	answerWithin?: number;
	/** What the server may repeat in its message although nobody else may read it: a presigned URL. */
	secrets?: string[];
	/** Fails at once where the server limits how often it is asked. */
	withoutRetries?: boolean;
}

/** All calls of a run together wait no longer than this. */
const RETRY_BUDGET_MS = 30_000;

/** Makes one of Qdrant's calls. */
export type Ask<T> = (api: Api, init: RequestInit) => Promise<{ data: T; headers: Headers }>;

/** How the calls to one server are made, their answers read, and their failures explained. */
export class Caller {
	/** The address, for messages. */
	readonly server: string;
	readonly connection: QdrantConnection;
	readonly timeouts: Required<QdrantTimeouts>;
	readonly retries = new RetryBudget(RETRY_BUDGET_MS);

	/** @throws BackupError INVALID_INPUT for a URL, an API key or a time-out that is none */
	constructor(
		connection: QdrantConnection,
		readonly role: Role,
	) {
		this.server = describeUrl(connection.url);
		this.timeouts = checkedTimeouts(connection.timeouts);
		checkedApiKey(connection.apiKey);
		this.connection = { ...connection, timeouts: this.timeouts };
	}

	/** What the server answers, once it has proved to be of that shape. `what` begins the message of a failure. */
	async result<T>(
		what: string,
		shape: keyof typeof ANSWERS,
		ask: Ask<{ result?: T }>,
		options: CallOptions,
	): Promise<T> {
		const once = async () =>
			await this.#explained(what, options, async () => {
				const { data } = await this.#ask(ask, options);
				return resultOf<T>(data, ANSWERS[shape]);
			});
		return options.withoutRetries ? await once() : await this.retries.during(once, options.signal);
	}

	/** Makes a call whose answer says nothing more than that it was done. */
	async done(what: string, ask: Ask<{ result?: unknown }>, signal: AbortSignal | undefined): Promise<void> {
		await this.result(what, 'done', ask, { signal });
	}

	/** An answer of another shape than all others, and its Date header. */
	async whole(what: string, ask: Ask<unknown>, options: CallOptions): Promise<{ data: unknown; date: string | null }> {
		return await this.#explained(what, options, async () => {
			const { data, headers } = await this.#ask(ask, options);
			assertParsed(data);
			return { data, date: headers.get('date') };
		});
	}

	async upload(what: string, request: Pick<HttpRequest, 'path' | 'query' | 'signal'>, body: UploadBody): Promise<void> {
		// No signal is passed here: a cancel that comes after everything was sent is not the reason of a failure.
		await this.#explained(what, {}, async () => {
			const answer = await upload(this.connection, { method: 'POST', answerWithin: 0, ...request }, body);
			if (answer.status !== 200) throw this.refusal(answer);
			// A proxy may answer with status 200 and a web page, which does not mean that anything was restored.
			resultOf(parsed(answer.text), ANSWERS.uploaded);
		});
	}

	refusal(answer: WholeAnswer, secrets: string[] = []): QdrantFailure {
		const { apiKey } = this.connection;
		return refusal(answer, apiKey ? [apiKey, ...secrets] : secrets);
	}

	async #ask<T>(ask: Ask<T>, options: CallOptions): Promise<{ data: T; headers: Headers }> {
		const { signal } = options;
		const dispatcher = dispatcherOf((request) => this.#send(request, options));
		const api = await loadApi();
		try {
			return await ask(api, { dispatcher, ...(signal && { signal }) });
		} catch (error) {
			// Fetch wraps what the dispatcher has thrown into an error of its own.
			throw error instanceof TypeError && error.cause instanceof Error ? error.cause : error;
		}
	}

	/** Carries a request of the client's to the server. */
	async #send(request: WrittenRequest, { answerWithin, secrets }: CallOptions): Promise<ReadAnswer> {
		const within = answerWithin ?? this.timeouts.answer;
		const head = await open(this.connection, { ...request, answerWithin: within });
		const text = await readText(head);
		const status = head.statusCode ?? 0;
		if (status !== 200) throw this.refusal({ status, text, headers: head.headers }, secrets);
		return { text, date: head.headers.date };
	}

	async #explained<T>(what: string, { signal }: CallOptions, ask: () => Promise<T>): Promise<T> {
		try {
			return await ask();
		} catch (error) {
			if (error instanceof BackupError) throw error;
			if (signal?.aborted) throw cancelled();
			const failure = error instanceof QdrantFailure ? error : connectionFailure(error);
			throw explain(failure, this.role, this.server, what);
		}
	}
}

/** Marks a text as JSON that is sent byte for byte: ECMAScript's JSON.rawJSON, which Node has from version 21 on. */
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown };

/**
 * Prepares a value for a request of Qdrant's client, so that BigInts are sent as integers. The client does that by itself unless
 * BigInts have a method `toJSON`, which JSON.stringify calls first. n8n gives them one that returns a text, and Qdrant does not
 * accept a text for a number.
 */
export function exactIntegers<T>(value: T): T {
	if (typeof value === 'bigint') return rawJSON(String(value)) as T;
	if (Array.isArray(value)) return value.map(exactIntegers) as T;
	if (typeof value !== 'object' || value === null) return value;
	return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, exactIntegers(inner as unknown)])) as T;
}

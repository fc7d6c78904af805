import type { IncomingMessage } from 'node:http';

import { BackupError, cancelled } from '../errors';
import { ANSWERS, parseAnswer, refusal, resultOf } from './answer';
import { checkedApiKey, checkedTimeouts, describeUrl, type QdrantConnection, type QdrantTimeouts } from './connection';
import { connectionFailure, explain, QdrantFailure, type Role } from './failure';
import { open, readText, upload, type HttpRequest, type UploadBody } from './http';

export type Call = Omit<HttpRequest, 'answerWithin'> & {
	/** As long as a quick question may take, unless told. */
	answerWithin?: number;
	/** What the server may repeat in its message, and nobody else may read: a presigned URL. */
	secrets?: string[];
};

/** How the calls to one server are made, their answers read, and their failures told. */
export class Caller {
	/** The address, for messages. */
	readonly server: string;
	readonly connection: QdrantConnection;
	readonly timeouts: Required<QdrantTimeouts>;

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
	async result<T>(call: Call, what: string, shape: keyof typeof ANSWERS): Promise<T> {
		return await this.#explained(call, what, async () =>
			resultOf<T>(await readText(await this.#open(call)), ANSWERS[shape]),
		);
	}

	/** An answer that has not the shape of all others, and its head. */
	async whole(call: Call, what: string): Promise<{ answer: unknown; headers: IncomingMessage['headers'] }> {
		return await this.#explained(call, what, async () => {
			const response = await this.#open(call);
			return { answer: parseAnswer(await readText(response)), headers: response.headers };
		});
	}

	async upload(call: Call, what: string, body: UploadBody): Promise<void> {
		// A cancel that came after everything was sent is not why it failed.
		await this.#explained({ ...call, signal: undefined }, what, async () => {
			const { status, text } = await upload(this.connection, { answerWithin: 0, ...call }, body);
			if (status !== 200) throw this.refusal(status, text, call.secrets);
		});
	}

	refusal(status: number, text: string, secrets: string[] = []): QdrantFailure {
		const { apiKey } = this.connection;
		return refusal(status, text, apiKey ? [apiKey, ...secrets] : secrets);
	}

	/** The answer's head, where its status is 200. */
	async #open(call: Call): Promise<IncomingMessage> {
		const response = await open(this.connection, { answerWithin: this.timeouts.answer, ...call });
		const status = response.statusCode ?? 0;
		if (status === 200) return response;
		throw this.refusal(status, await readText(response), call.secrets);
	}

	async #explained<T>(call: Call, what: string, ask: () => Promise<T>): Promise<T> {
		try {
			return await ask();
		} catch (error) {
			if (error instanceof BackupError) throw error;
			if (call.signal?.aborted) throw cancelled();
			const failure = error instanceof QdrantFailure ? error : connectionFailure(error);
			throw explain(failure, this.role, this.server, what);
		}
	}
}

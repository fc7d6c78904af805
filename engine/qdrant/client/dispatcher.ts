/**
 * Qdrant's client hands its requests to Node's fetch, and fetch hands them to the dispatcher that comes along with a call.
 * This one sends them with our own HTTP (see http.ts), because fetch does not use the agents by which n8n goes through a proxy,
 * has no limit for the length of an answer, and does not tell a server that is away from one that is silent.
 *
 * Source of the protocol: undici's `Dispatcher`. The fetch of Node 22 and 24 (undici 6 and 7) calls the handler's methods by
 * their old names, `onConnect` and so on; that of later versions (undici 8) by the new ones.
 */
import type { HttpRequest } from './http';

/** A request as the client wrote it. */
export interface WrittenRequest {
	method: HttpRequest['method'];
	path: string;
	body?: string;
	/** Fires where the call's own signal does. */
	signal: AbortSignal;
}

/** An answer with status 200 that was read to its end. */
export interface ReadAnswer {
	text: string;
	/** The Date header. */
	date: string | undefined;
}

interface DispatchOptions {
	method: string;
	path: string;
	body?: AsyncIterable<Uint8Array> | null;
}

interface OldHandler {
	onConnect(abort: (reason?: unknown) => void): void;
	onHeaders(status: number, headers: Buffer[], resume: () => void, statusText: string): boolean;
	onData(bytes: Buffer): boolean;
	onComplete(trailers: Buffer[]): void;
	onError(error: unknown): void;
}

interface NewHandler {
	onRequestStart(controller: Controller, context: object): void;
	onResponseStart(controller: Controller, status: number, headers: Record<string, string>, statusText: string): void;
	onResponseData(controller: Controller, bytes: Buffer): void;
	onResponseEnd(controller: Controller, trailers: object): void;
	onResponseError(controller: Controller, error: unknown): void;
}

interface Controller {
	/** Names and values in turn, as they came. */
	rawHeaders: Buffer[];
	abort(reason?: unknown): void;
	pause(): void;
	resume(): void;
}

/** The methods that a dispatcher calls on the handler of a request. */
interface Receiver {
	begin(): void;
	answer(answer: ReadAnswer): void;
	fail(error: unknown): void;
}

/**
 * A dispatcher for one call.
 * @param send Sends the request and reads the answer. What it throws becomes the `cause` of the error that fetch throws.
 */
export function dispatcherOf(send: (request: WrittenRequest) => Promise<ReadAnswer>): RequestInit['dispatcher'] {
	const dispatcher = {
		dispatch({ method, path, body }: DispatchOptions, handler: OldHandler | NewHandler): boolean {
			const controller = new AbortController();
			const receiver = receiverOf(handler, (reason) => controller.abort(reason));
			const carry = async () => {
				// Fetch cannot handle a cancel before this method has returned.
				await Promise.resolve();
				receiver.begin();
				controller.signal.throwIfAborted();
				const text = body ? await textOf(body) : undefined;
				return await send({
					method: method as HttpRequest['method'],
					path,
					signal: controller.signal,
					...(text !== undefined && { body: text }),
				});
			};
			carry().then(
				(answer) => receiver.answer(answer),
				(error: unknown) => receiver.fail(error),
			);
			return true;
		},
	};
	return dispatcher as unknown as RequestInit['dispatcher'];
}

function receiverOf(handler: OldHandler | NewHandler, abort: (reason?: unknown) => void): Receiver {
	return 'onRequestStart' in handler ? newReceiver(handler, abort) : oldReceiver(handler, abort);
}

function oldReceiver(handler: OldHandler, abort: (reason?: unknown) => void): Receiver {
	return {
		begin: () => handler.onConnect(abort),
		answer: ({ text, date }) => {
			handler.onHeaders(200, headersOf(date), () => {}, 'OK');
			handler.onData(Buffer.from(text));
			handler.onComplete([]);
		},
		fail: (error) => handler.onError(error),
	};
}

function newReceiver(handler: NewHandler, abort: (reason?: unknown) => void): Receiver {
	// The whole answer has been read already, so there is nothing to pause.
	const controller: Controller = { rawHeaders: [], abort, pause: () => {}, resume: () => {} };
	return {
		begin: () => handler.onRequestStart(controller, {}),
		answer: ({ text, date }) => {
			controller.rawHeaders = headersOf(date);
			handler.onResponseStart(controller, 200, date === undefined ? {} : { date }, 'OK');
			handler.onResponseData(controller, Buffer.from(text));
			handler.onResponseEnd(controller, {});
		},
		fail: (error) => handler.onResponseError(controller, error),
	};
}

function headersOf(date: string | undefined): Buffer[] {
	return date === undefined ? [] : [Buffer.from('date'), Buffer.from(date)];
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
	const chunks: Uint8Array[] = [];
	for await (const chunk of body) chunks.push(chunk);
	return Buffer.concat(chunks).toString('utf8');
}

/**
 * A gate that the bytes of a run go through on their way to and from a storage, whatever system moves them: it may count them, and
 * make them wait. Nothing is collected: while a chunk waits, the next one is not asked for.
 */
import { Readable } from 'node:stream';

import type { Storage } from './storage';

export interface Gate {
	/**
	 * Resolves when so many bytes may go on.
	 * @throws BackupError CANCELLED as soon as the signal fires
	 */
	pass(bytes: number, signal: AbortSignal | undefined): Promise<void>;
}

/** A storage whose reads and writes of archives go through a gate. Whatever else it can do, it does as before. */
export function gatedStorage(storage: Storage, gate: Gate): Storage {
	const gated: Pick<Storage, 'write' | 'read'> = {
		write: async (key, source, options = {}) =>
			await storage.write(key, gatedBytes(source, gate, options.signal), options),
		read: async (key, options = {}) => new GatedRead(await storage.read(key, options), gate, options.signal),
	};
	// A proxy, and no list of all methods: storages lack some of them, which is how callers know what they can do.
	return new Proxy(storage, {
		get(target, name) {
			if (name === 'write' || name === 'read') return gated[name];
			const value: unknown = Reflect.get(target, name, target);
			return typeof value === 'function' ? (value.bind(target) as unknown) : value;
		},
	});
}

/** @param mostAtOnce larger chunks go on in pieces of so many bytes; by default chunks stay as they are */
export function gatedBytes(
	source: AsyncIterable<Uint8Array>,
	gate: Gate,
	signal: AbortSignal | undefined,
	mostAtOnce = Infinity,
): AsyncIterable<Uint8Array> {
	return { [Symbol.asyncIterator]: () => new GatedIterator(source[Symbol.asyncIterator](), gate, signal, mostAtOnce) };
}

/** No generator: the `return` of one waits behind what it waits for itself. */
class GatedIterator implements AsyncIterator<Uint8Array, undefined> {
	readonly #stop = new AbortController();
	readonly #signal: AbortSignal;
	#rest: Uint8Array = new Uint8Array(0);

	constructor(
		private readonly inner: AsyncIterator<Uint8Array>,
		private readonly gate: Gate,
		signal: AbortSignal | undefined,
		private readonly mostAtOnce: number,
	) {
		this.#signal = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
	}

	async next(): Promise<IteratorResult<Uint8Array, undefined>> {
		if (this.#rest.length === 0) {
			const result = await this.inner.next();
			if (result.done) return { done: true, value: undefined };
			this.#rest = result.value;
		}
		const isWhole = this.#rest.length <= this.mostAtOnce;
		// The chunk itself, where all of it goes on: it may be lent.
		const value = isWhole ? this.#rest : this.#rest.subarray(0, this.mostAtOnce);
		this.#rest = isWhole ? new Uint8Array(0) : this.#rest.subarray(this.mostAtOnce);
		try {
			await this.gate.pass(value.length, this.#signal);
		} catch (error) {
			this.inner.return?.().catch(() => {});
			throw error;
		}
		return { done: false, value };
	}

	async return(): Promise<IteratorResult<Uint8Array, undefined>> {
		this.#stop.abort();
		await this.inner.return?.();
		return { done: true, value: undefined };
	}
}

/** Hands on chunk by chunk, each as it is: it may be lent. */
class GatedRead extends Readable {
	readonly #stop = new AbortController();
	readonly #signal: AbortSignal;
	readonly #chunks: AsyncIterator<Uint8Array>;

	constructor(
		private readonly inner: Readable,
		private readonly gate: Gate,
		signal: AbortSignal | undefined,
	) {
		super({ objectMode: true, highWaterMark: 1 });
		this.#signal = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
		this.#chunks = inner[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
		// Its reader meets its errors; one that comes before or after anybody reads must not end the process.
		inner.on('error', () => {});
		this.on('error', () => {});
	}

	override _read(): void {
		this.#next().then(
			(chunk) => this.push(chunk),
			(error: unknown) => this.destroy(error as Error),
		);
	}

	override _destroy(error: Error | null, done: (error: Error | null) => void): void {
		this.#stop.abort();
		this.inner.destroy();
		done(error);
	}

	async #next(): Promise<Uint8Array | null> {
		const result = await this.#chunks.next();
		if (result.done) return null;
		await this.gate.pass(result.value.length, this.#signal);
		return result.value;
	}
}

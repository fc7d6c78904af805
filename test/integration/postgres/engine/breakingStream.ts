import { Socket } from 'node:net';

/** A fault on the way to a server, which happens once, on whatever connection it is met. */
export interface Break {
	/** Met when the client sends it. */
	text: string;
	/** `request`: the connection breaks before the server sees it. `answer`: the server sees it, its answer never comes back. */
	loses: 'request' | 'answer';
	/** Nobody gets through to the server any more afterwards. */
	forGood?: boolean;
}

class BreakingSocket extends Socket {
	#deaf = false;

	constructor(
		readonly fault: Break,
		readonly state: { met: boolean },
	) {
		super();
	}

	override connect(...args: unknown[]): this {
		const to = this.state.met && this.fault.forGood ? [1, '127.0.0.1'] : args;
		(super.connect as (...to: unknown[]) => this).apply(this, to);
		// Node puts its own `write` onto the socket here.
		Reflect.deleteProperty(this, 'write');
		return this;
	}

	override write(chunk: Uint8Array | string, ...rest: unknown[]): boolean {
		const pass = () => (super.write as (...all: unknown[]) => boolean).call(this, chunk, ...rest);
		if (this.state.met || !Buffer.from(chunk as string).includes(this.fault.text)) return pass();
		this.state.met = true;
		if (this.fault.loses === 'request') this.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
		else {
			this.#deaf = true;
			pass();
		}
		return true;
	}

	override emit(event: string | symbol, ...args: unknown[]): boolean {
		if (!this.#deaf || event !== 'data') return super.emit(event, ...args);
		this.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
		return true;
	}
}

/** Opens connections with a fault on them. */
export function breakingStream(fault: Break): () => Socket {
	const state = { met: false };
	return () => new BreakingSocket(fault, state);
}

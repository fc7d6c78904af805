/**
 * How bytes move: what `pg` writes goes straight into the SSH channel, whose callback comes back once the SSH connection
 * took it; what the channel hands out is pushed to the reader, and the channel is paused while the reader has enough, which
 * closes the channel's window towards the server.
 */
import { Duplex } from 'node:stream';

import type { Client, ClientChannel } from 'ssh2';

/**
 * A connection to a server behind an SSH server, in the shape of a net.Socket as far as `pg` uses one. One SSH client
 * carries any number of them.
 */
export class SshTunnelStream extends Duplex {
	#channel: ClientChannel | undefined;

	constructor(readonly client: Client) {
		super({ allowHalfOpen: false });
	}

	/** Opens the channel; `connect` is emitted once bytes can go through it. Port first, as net.Socket has it. */
	connect(port: number, host: string): this {
		const onClientClosed = () => this.destroy(lost());
		this.client.once('close', onClientClosed);
		this.once('close', () => this.client.off('close', onClientClosed));
		try {
			this.client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => this.#opened(error, channel));
		} catch {
			// ssh2 throws where its connection is closed already.
			process.nextTick(() => this.destroy(lost()));
		}
		return this;
	}

	#opened(error: Error | undefined, channel: ClientChannel): void {
		if (error) {
			this.destroy(error);
			return;
		}
		if (this.destroyed) {
			channel.destroy();
			return;
		}
		this.#channel = channel;
		channel.on('data', (chunk: Buffer) => {
			if (!this.push(chunk)) channel.pause();
		});
		channel.on('end', () => this.push(null));
		channel.on('error', (failure: Error) => this.destroy(failure));
		channel.on('close', () => this.destroy());
		this.emit('connect');
	}

	override _read(): void {
		this.#channel?.resume();
	}

	override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
		if (this.#channel) this.#channel.write(chunk, done);
		else done(lost());
	}

	override _final(done: (error?: Error | null) => void): void {
		this.#channel?.end();
		done();
	}

	override _destroy(error: Error | null, done: (error: Error | null) => void): void {
		this.#channel?.destroy();
		done(error);
	}

	/** Small packets must not wait for each other: pg_dump asks hundreds of small questions, one after another. */
	setNoDelay(noDelay = true): this {
		this.client.setNoDelay(noDelay);
		return this;
	}

	// What else `pg` calls on a socket; the SSH connection has settings of its own.

	setKeepAlive(): this {
		return this;
	}

	ref(): this {
		return this;
	}

	unref(): this {
		return this;
	}
}

function lost(): Error {
	return Object.assign(new Error('The SSH tunnel is closed'), { code: 'ECONNRESET' });
}

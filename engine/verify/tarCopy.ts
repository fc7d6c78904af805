import { PassThrough } from 'node:stream';

/**
 * The bytes of a tar once more, as a stream, for an inspection that reads them by itself while the tar is walked (TarInspection in system.ts).
 * The walk waits for its reader; where that has ended, because of damage or because it has seen enough, the walk goes on alone.
 */
export class TarCopy {
	readonly stream = new PassThrough();

	constructor() {
		// Its reader tells of what has failed.
		this.stream.on('error', () => {});
	}

	async take(chunk: Uint8Array): Promise<void> {
		const { stream } = this;
		if (stream.destroyed || stream.write(chunk)) return;
		await new Promise<void>((resolve) => {
			const done = () => {
				stream.off('drain', done).off('close', done);
				resolve();
			};
			stream.on('drain', done).on('close', done);
		});
	}

	/** All bytes were taken. */
	end(): void {
		if (!this.stream.destroyed) this.stream.end();
	}

	close(): void {
		this.stream.destroy();
	}
}

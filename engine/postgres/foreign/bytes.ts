import { BackupError, throwIfCancelled } from '../../errors';

/** The error for an archive that ends in the middle of something. */
export function endsEarly(what: string): BackupError {
	return new BackupError('ARCHIVE_INCOMPLETE', `The archive ends in ${what}.`, {
		hint: 'The file was cut off. Fetch it again, or choose another dump.',
	});
}

/** The error for an archive whose bytes make no sense. */
export function damaged(what: string, cause?: unknown): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The archive is damaged: ${what}.`, {
		...(cause === undefined ? {} : { cause }),
		hint: 'Fetch the file again, or choose another dump. What pg_restore --list says of it may help.',
	});
}

/** What would have to be kept in memory whole, and may be gigabytes out of a few kilobytes of gzip. */
function tooLarge(what: string): BackupError {
	return new BackupError('INVALID_INPUT', `The archive holds more than can be kept in memory in ${what}.`, {
		hint: 'Turn it into SQL with pg_restore -f dump.sql, and restore that.',
	});
}

/**
 * Reads a forward-only stream of chunks piece by piece. Memory follows the bytes that really came, never a length that
 * the archive merely claims.
 */
export class ByteReader {
	/** Offset of the next byte. */
	position = 0;
	/** What is being read, for messages: `the table of contents`. */
	context = 'its header';
	/** Offset up to which bytes are kept whole: nothing is read beyond it. */
	limit = Infinity;
	readonly #input: AsyncIterator<Uint8Array>;
	readonly #signal: AbortSignal | undefined;
	#chunk: Buffer = Buffer.alloc(0);
	#used = 0;

	constructor(source: AsyncIterable<Uint8Array>, signal?: AbortSignal) {
		this.#input = source[Symbol.asyncIterator]();
		this.#signal = signal;
	}

	/** Exactly so many bytes. @throws BackupError ARCHIVE_INCOMPLETE */
	async read(length: number): Promise<Buffer> {
		const first = await this.some(length);
		if (first.length === length) return first;
		const pieces = [first];
		for (let missing = length - first.length; missing > 0;) {
			const piece = await this.some(missing);
			pieces.push(piece);
			missing -= piece.length;
		}
		return Buffer.concat(pieces);
	}

	/**
	 * At least one byte and at most `limit`, without copying (none for 0).
	 * @throws BackupError ARCHIVE_INCOMPLETE, INVALID_INPUT beyond what may be kept whole
	 */
	async some(limit: number): Promise<Buffer> {
		if (limit === 0) return Buffer.alloc(0);
		if (this.position >= this.limit) throw tooLarge(this.context);
		if (await this.atEnd()) throw endsEarly(this.context);
		const piece = this.#chunk.subarray(this.#used, this.#used + limit);
		this.#used += piece.length;
		this.position += piece.length;
		return piece;
	}

	async byte(): Promise<number> {
		return (await this.some(1))[0]!;
	}

	/** Whether no byte is left. */
	async atEnd(): Promise<boolean> {
		while (this.#used === this.#chunk.length) {
			throwIfCancelled(this.#signal);
			const result = await this.#input.next();
			if (result.done) return true;
			this.#chunk = Buffer.from(result.value.buffer, result.value.byteOffset, result.value.byteLength);
			this.#used = 0;
		}
		return false;
	}

	/** Lets the source go. */
	async close(): Promise<void> {
		await this.#input.return?.();
	}
}

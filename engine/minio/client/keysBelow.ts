/**
 * Keys below another object: `a/b` beside `a`. MinIO stores objects as files, takes both without a word, and from then on lists one of
 * them alone: whoever lists the bucket, as every backup does, misses the other. So before the first such key is written, the server is asked
 * by two small objects whether it lists both.
 */
import { CLEAN_UP_MS_AFTER_CANCEL, withGrace } from '../../storage/s3/grace';
import { S3Failure } from '../../storage/s3/failure';
import type { S3Requests } from '../../storage/s3/requests';
import { shownName } from '../../tree';
import { KeyNotTaken } from './keyNotTaken';
import { listBucket } from './listing';

/** Of a run that was killed, or whose keys may not remove anything, they stay; the next one uses the same. */
const PROBE = '.stack-backup-probe';

export class KeysBelow {
	#areListed: Promise<boolean> | undefined;

	constructor(private readonly requests: S3Requests) {}

	/**
	 * Writes under a key, if the server lists it there.
	 * @param above the key of the object that it lies below; undefined where there is none
	 * @throws KeyNotTaken where it would not; then nothing was written
	 */
	async listed<T>(key: string, above: string | undefined, write: () => Promise<T>, signal: AbortSignal): Promise<T> {
		if (above === undefined) return await write();
		this.#areListed ??= this.#ask(above, signal);
		// Who asks next asks anew.
		this.#areListed.catch(() => (this.#areListed = undefined));
		if (await this.#areListed) return await write();
		throw this.#refused(key, above);
	}

	/** @param above beside which the two objects are written: keys may be good for a prefix alone */
	async #ask(above: string, signal: AbortSignal): Promise<boolean> {
		const name = `${above.slice(0, above.lastIndexOf('/') + 1)}${PROBE}`;
		const keys = [name, `${name}/below`];
		const written: { key: string; versionId?: string }[] = [];
		try {
			for (const key of keys) {
				const { headers } = await this.requests.send({ method: 'PUT', key, body: Buffer.alloc(0), signal });
				const versionId = headers['x-amz-version-id'];
				written.push({ key, ...(typeof versionId === 'string' && { versionId }) });
			}
			const found: string[] = [];
			for await (const { key } of listBucket(this.requests, { prefix: name, signal })) found.push(key);
			return keys.every((key) => found.includes(key));
		} finally {
			await withGrace(signal, CLEAN_UP_MS_AFTER_CANCEL, async (late) => {
				for (const each of written.reverse()) await this.#remove(each, late);
			});
		}
	}

	/** As a version, where the bucket keeps versions. */
	async #remove(
		{ key, versionId }: { key: string; versionId?: string },
		signal: AbortSignal | undefined,
	): Promise<void> {
		const query: Record<string, string> = versionId === undefined ? {} : { versionId };
		try {
			await this.requests.send({ method: 'DELETE', key, query, signal });
		} catch (error) {
			if (!(error instanceof S3Failure)) throw error;
		}
	}

	#refused(key: string, above: string): KeyNotTaken {
		const { bucket } = this.requests.settings;
		const message = `The server cannot list ${shownName(key)} in the bucket ${bucket} beside the object ${shownName(above)}, below which it lies; it was not written.`;
		return new KeyNotTaken(message, {
			hint: 'Servers that keep objects as files, as MinIO does, hold one of the two. Give one of them another key at the source, or leave it out by a pattern.',
		});
	}
}

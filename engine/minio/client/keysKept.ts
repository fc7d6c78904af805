/**
 * Keys that some servers take for other ones: MinIO stores `/a` as `a`, and servers that keep objects as files may store `a//b`, `a/./b`
 * and `c/../a/b` as `a/b`. They answer to both names, so where a source has both objects, the second one that is copied there would
 * replace the first without a word. So before the first key of such a form is written, the server is tried: an object of a name
 * that nobody else has is stored in the key's folder, looked for in the list, and removed.
 */
import { randomBytes } from 'node:crypto';

import { S3Failure } from '../../storage/s3/failure';
import { CLEAN_UP_MS_AFTER_CANCEL, withGrace } from '../../storage/s3/grace';
import type { S3Requests } from '../../storage/s3/requests';
import { shownName } from '../../tree';
import { isKeyRefused, KeyNotTaken } from './keyNotTaken';
import { listBucket } from './listing';

const PROBE_NAME = '.stack-backup-probe-';

export class KeysKept {
	/** By the forms that a key has, as `formsOf` gives them. */
	readonly #areKept = new Map<string, Promise<boolean>>();

	constructor(private readonly requests: S3Requests) {}

	/**
	 * Writes under a key, if the server has that key.
	 * @throws KeyNotTaken where it takes it for another one, S3Failure, and what the writing throws
	 */
	async kept<T>(key: string, write: () => Promise<T>, signal: AbortSignal): Promise<T> {
		const forms = formsOf(key);
		if (forms !== '' && !(await this.#areKeptOnce(forms, key, signal))) throw this.#dropped(key);
		return await write();
	}

	async #areKeptOnce(forms: string, key: string, signal: AbortSignal): Promise<boolean> {
		const known = this.#areKept.get(forms) ?? this.#try(key, signal);
		this.#areKept.set(forms, known);
		try {
			return await known;
		} catch (error) {
			// What kept it from being found out may pass.
			this.#areKept.delete(forms);
			throw error;
		}
	}

	async #try(key: string, signal: AbortSignal): Promise<boolean> {
		const probe = `${folderOf(key)}${PROBE_NAME}${randomBytes(8).toString('hex')}`;
		let versionId: unknown;
		try {
			const { headers } = await this.requests.send({ method: 'PUT', key: probe, body: Buffer.from(probe), signal });
			versionId = headers['x-amz-version-id'];
		} catch (error) {
			// A server that has no word for it answers just that the request was bad.
			if (error instanceof S3Failure && error.status === 400 && !isKeyRefused(error)) return false;
			throw error;
		}
		try {
			return await this.#isListed(probe, signal);
		} finally {
			await withGrace(signal, CLEAN_UP_MS_AFTER_CANCEL, async (grace) => {
				await this.#remove(probe, typeof versionId === 'string' ? { versionId } : {}, grace);
			});
		}
	}

	/** As a version, where the bucket keeps versions. What cannot be removed is listed in docs/leftovers.md. */
	async #remove(key: string, query: Record<string, string>, signal: AbortSignal | undefined): Promise<void> {
		try {
			await this.requests.send({ method: 'DELETE', key, query, signal });
		} catch (error) {
			if (!(error instanceof S3Failure)) throw error;
		}
	}

	async #isListed(key: string, signal: AbortSignal): Promise<boolean> {
		for await (const found of listBucket(this.requests, { prefix: key, until: key, signal })) return found.key === key;
		return false;
	}

	#dropped(key: string): KeyNotTaken {
		const { bucket } = this.requests.settings;
		const message = `The server does not keep the key ${shownName(key)} as it is, and may take it for that of another object in the bucket ${bucket}; it was not written.`;
		return new KeyNotTaken(message, {
			hint: key.startsWith('/')
				? 'Leave it out by a pattern, or put everything below a prefix.'
				: 'Leave it out by a pattern, or choose a server that keeps keys with empty segments, "." and "..".',
		});
	}
}

/** Which of the forms a key has that servers are known to change, as one text; empty for an ordinary key. */
function formsOf(key: string): string {
	const forms = new Set(segmentsOf(key).map((segment) => formOf(segment)));
	if (key.startsWith('/')) forms.add('leading');
	forms.delete('');
	return [...forms].sort().join(' ');
}

function formOf(segment: string): string {
	if (segment === '') return 'empty';
	return segment === '.' || segment === '..' ? segment : '';
}

/** A slash at the end is that of a folder, and one at the beginning has a form of its own. */
function segmentsOf(key: string): string[] {
	return key.replace(/^\//, '').replace(/\/$/, '').split('/');
}

/** All up to the last segment that has a form, with a slash at the end: `a//` of `a//b/c`. */
function folderOf(key: string): string {
	const segments = segmentsOf(key);
	const last = segments.findLastIndex((segment) => formOf(segment) !== '');
	const start = key.startsWith('/') ? '/' : '';
	return (
		start +
		segments
			.slice(0, last + 1)
			.map((segment) => `${segment}/`)
			.join('')
	);
}

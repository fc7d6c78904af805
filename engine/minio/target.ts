/**
 * A bucket as the target of a restore. An object appears whole, with its attributes, or not at all; where nothing may be
 * overwritten, the server itself is asked to refuse that (conditional writes), where it can.
 */
import { createHash } from 'node:crypto';

import { BackupError } from '../errors';
import { shownName, type Existing, type TreeEntry, type TreeTarget } from '../tree';
import { attributesFrom, type Bucket, type ObjectAttributes, type ObjectFacts } from './client';

export interface BucketTargetOptions {
	bucket: Bucket;
	existing: Existing;
	/** Stands before all keys. */
	prefix?: string;
	/** Of the keys of the backup, taken away from their beginning. */
	withoutPrefix?: string;
	/** Called for what the server does not take and objects are stored without. */
	onLeftOut?: (message: string) => void;
}

/** S3's limit, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1024;

export class BucketTarget implements TreeTarget {
	readonly #options: BucketTargetOptions;

	constructor(options: BucketTargetOptions) {
		this.#options = options;
	}

	accept(entry: TreeEntry): void {
		const { name, type } = entry;
		if (type !== 'file') {
			throw new BackupError(
				'ARCHIVE_CORRUPT',
				`The backup holds ${shownName(name)}, which is no object; nothing was written.`,
				{
					hint: 'No backup of a bucket has such an entry. Do not trust this backup.',
				},
			);
		}
		const key = this.keyOf(name);
		const bytes = Buffer.byteLength(key);
		if (key !== '' && bytes <= MAX_KEY_BYTES) return;
		throw new BackupError(
			'INVALID_INPUT',
			key === ''
				? `Without its prefix, ${shownName(name)} has no name; nothing was written.`
				: `The key ${shownName(key)} would have ${bytes} bytes, and S3 takes ${MAX_KEY_BYTES}; nothing was written.`,
			{ hint: 'Choose another prefix, or leave the object out.' },
		);
	}

	/** Where an object of the backup goes. */
	keyOf(name: string): string {
		const { prefix = '', withoutPrefix = '' } = this.#options;
		return prefix + (name.startsWith(withoutPrefix) ? name.slice(withoutPrefix.length) : name);
	}

	async look(entry: TreeEntry, signal: AbortSignal): Promise<'nothing' | 'same' | 'other'> {
		const { bucket, existing } = this.#options;
		const key = this.keyOf(entry.name);
		const found = await bucket.head(key, signal);
		if (!found) return 'nothing';
		if (found.size !== entry.size) return 'other';
		// Whoever overwrites wants the attributes of the backup, too.
		if (existing === 'overwrite' && !hasAttributes(found.attributes, attributesFrom(entry.attributes))) return 'other';
		return (await this.#hasContent(key, entry, found, signal)) ? 'same' : 'other';
	}

	async writeFile(entry: TreeEntry, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
		const { bucket, existing, onLeftOut } = this.#options;
		await bucket.put(this.keyOf(entry.name), content, {
			size: entry.size,
			attributes: attributesFrom(entry.attributes),
			replaces: existing === 'overwrite',
			signal,
			...(onLeftOut && { onLeftOut }),
		});
	}

	make({ name }: TreeEntry): Promise<void> {
		return Promise.reject(new Error(`${name} has no content.`));
	}

	/**
	 * Two ETags that are hashes of the content and are equal say enough. Others say nothing: they depend on the parts of
	 * an upload and on the server, so the content is read.
	 */
	async #hasContent(
		key: string,
		{ attributes, size, sha256 }: TreeEntry,
		found: ObjectFacts,
		signal: AbortSignal,
	): Promise<boolean> {
		const etag = attributes?.['etag'];
		if (found.etagIsHash && isHash(found.etag) && found.etag === etag) return true;
		if (size === 0) return true;
		const opened = await this.#options.bucket.open(key, { etag: found.etag, signal });
		if (!opened) return false;
		try {
			const digest = createHash('sha256');
			for await (const chunk of opened.bytes) digest.update(chunk);
			return digest.digest('hex') === sha256;
		} finally {
			opened.close();
		}
	}
}

function isHash(etag: string): boolean {
	return /^[0-9a-f]{32}$/i.test(etag);
}

function hasAttributes(found: ObjectAttributes, wanted: ObjectAttributes): boolean {
	const { tags: _tags, storageClass: _class, metadata = {}, ...headers } = wanted;
	const isSame = (key: string) => found[key as keyof ObjectAttributes] === headers[key as keyof typeof headers];
	const isSameMetadata = Object.entries(metadata).every(
		([name, value]) => found.metadata?.[name.toLowerCase()] === value,
	);
	return Object.keys(headers).every(isSame) && isSameMetadata;
}

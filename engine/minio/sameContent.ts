/** Whether an object on a server has the content of one in a backup. */
import { createHash } from 'node:crypto';

import type { TreeEntry } from '../tree';
import type { Bucket } from './client';

export interface StandingObject {
	size: number;
	etag: string;
	/** False where the server's encryption makes ETags that are no hash of the content. */
	etagIsHash: boolean;
	/** By default the current one is meant. */
	versionId?: string;
}

/**
 * Two ETags that are hashes of the content and are equal say enough. Others say nothing: they depend on the parts of
 * an upload and on the server, so the content is read.
 */
export async function hasContent(
	bucket: Bucket,
	key: string,
	{ attributes, size, sha256 }: TreeEntry,
	found: StandingObject,
	signal: AbortSignal,
): Promise<boolean> {
	if (found.size !== size) return false;
	if (found.etagIsHash && /^[0-9a-f]{32}$/i.test(found.etag) && found.etag === attributes?.['etag']) return true;
	if (size === 0) return true;
	const { etag, versionId } = found;
	const opened = await bucket.open(key, { etag, ...(versionId !== undefined && { versionId }), signal });
	if (!opened) return false;
	try {
		const digest = createHash('sha256');
		for await (const chunk of opened.bytes) digest.update(chunk);
		return digest.digest('hex') === sha256;
	} finally {
		opened.close();
	}
}

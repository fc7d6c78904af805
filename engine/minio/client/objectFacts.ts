/** What the headers of an answer tell of an object. */
import type { IncomingHttpHeaders } from 'node:http';

import { S3Failure } from '../../storage/s3/failure';
import { etagOf } from '../../storage/s3/object';
import { attributesIn, type ObjectAttributes } from './attributes';
import type { ListedObject } from './page';

/** What a HEAD or a GET tells of an object. */
export interface ObjectFacts {
	/** Bytes. */
	size: number;
	/** Milliseconds since 1970, to the second. */
	modifiedAt: number;
	/** Without quotation marks. */
	etag: string;
	/** False where the server's encryption makes ETags that are no hash of the content. */
	etagIsHash: boolean;
	/** Missing where the bucket never kept versions. */
	versionId?: string;
	/** Without tags. */
	attributes: ObjectAttributes;
	/** How many tags it has, where that is told to the keys: see `TELL_TAG_COUNT`. */
	tagCount?: number;
}

/** What a list says of an object. */
export type AsListed = Pick<ListedObject, 'size' | 'etag'>;

/** Servers that say how many tags an object has, to whom may read them, and say nothing where there are none. */
const TELL_TAG_COUNT = /^(MinIO|AmazonS3)\b/;

/**
 * Reads them off an answer.
 * @param size bytes of the whole object, which the answer to a range has elsewhere
 * @throws S3Failure where the server does not tell the size: what it sends could end anywhere
 */
export function factsOf(headers: IncomingHttpHeaders, size: number): ObjectFacts {
	if (!Number.isSafeInteger(size) || size < 0) {
		throw new S3Failure('It does not say how many bytes the object has', { status: 200, code: 'InvalidResponse' });
	}
	const versionId = headers['x-amz-version-id'];
	const tagCount = headers['x-amz-tagging-count'];
	const encryption = headers['x-amz-server-side-encryption'];
	return {
		size,
		modifiedAt: Date.parse(headers['last-modified'] ?? '') || 0,
		etag: etagOf(headers),
		etagIsHash:
			!headers['x-amz-server-side-encryption-customer-algorithm'] &&
			(encryption === undefined || encryption === 'AES256'),
		...(typeof versionId === 'string' && { versionId }),
		attributes: attributesIn(headers),
		...(typeof tagCount === 'string' && { tagCount: Number(tagCount) }),
		...(tagCount === undefined && TELL_TAG_COUNT.test(String(headers['server'] ?? '')) && { tagCount: 0 }),
	};
}

/** @throws S3Failure where the object is the one that was listed, and has another size */
export function assertAsListed({ etag, size }: ObjectFacts, listed: AsListed | undefined): void {
	if (!listed || etag === '' || listed.etag !== etag || listed.size === size) return;
	throw new S3Failure(`It lists the object with ${listed.size} bytes, and sends it with ${size}`, {
		status: 200,
		code: 'IncompleteBody',
	});
}

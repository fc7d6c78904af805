/** S3's limits (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html). */
export const MAX_PARTS = 10_000;
export const MAX_OBJECT_BYTES = 5 * 1024 ** 4;

const MIB = 1024 ** 2;

/** Parts are held in memory to be sent again; S3 itself would take 5 GiB. */
export const LARGEST_PART_BYTES = 1024 * MIB;

/** The share of a server's parts that an object of the expected size leaves unused: sizes are not known to the byte. */
const SPARE = 1 / 50;

/**
 * The size of all parts of one upload but the last. It is chosen before the first one and stays, since some servers
 * (Cloudflare R2: https://developers.cloudflare.com/r2/objects/multipart-objects/) refuse an upload whose parts differ, and
 * do so only when everything has been sent.
 * @param smallest bytes; the size unless the object needs larger ones, and where nobody knows how large it will be
 * @param maxParts how many parts the server takes
 * @param expectedBytes of the object, where known or estimated
 * @returns bytes: the smallest, or whole MiB up to 1 GiB
 */
export function partSizeFor(smallest: number, maxParts: number, expectedBytes: number | undefined): number {
	const needed = Math.min(expectedBytes ?? 0, MAX_OBJECT_BYTES) / Math.max(1, Math.floor(maxParts * (1 - SPARE)));
	return Math.min(LARGEST_PART_BYTES, Math.max(smallest, Math.ceil(needed / MIB) * MIB));
}

/** The largest object that a server takes in so many parts, whatever their size. */
export function largestObject(maxParts: number): number {
	return Math.min(MAX_OBJECT_BYTES, maxParts * LARGEST_PART_BYTES);
}

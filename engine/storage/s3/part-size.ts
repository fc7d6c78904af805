/** S3's limits (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html). */
export const MAX_PARTS = 10_000;
export const MAX_OBJECT_BYTES = 5 * 1024 ** 4;

/** Parts are held in memory to be sent again, so they stop growing here; S3 itself would take 5 GiB. */
const LARGEST_PART_BYTES = 1024 ** 3;

/**
 * The size of each part of a stream whose length is not known: parts double after every so many, until 1 GiB, as late
 * as can be so that 10,000 of them still hold 5 TiB. With 16 MiB to begin with that is after every 972 parts: the
 * first 15 GiB go in parts of 16 MiB, and a part is never much larger than a hundredth of what came before it.
 * @param firstSize bytes of the first part, at most 1 GiB
 * @param number of the part, counted from 1
 */
export function partSizeOf(firstSize: number, number: number): number {
	const doublings = Math.ceil(Math.log2(LARGEST_PART_BYTES / firstSize));
	const step = Math.floor((number - 1) / partsPerSize(firstSize, doublings));
	return Math.min(LARGEST_PART_BYTES, firstSize * 2 ** Math.min(step, doublings));
}

/**
 * The largest n for which n parts of every size below the largest, and the rest of the largest, hold 5 TiB:
 * n * first * (2^d - 1) + (10,000 - n * d) * largest >= 5 TiB.
 */
function partsPerSize(firstSize: number, doublings: number): number {
	const spare = MAX_PARTS * LARGEST_PART_BYTES - MAX_OBJECT_BYTES;
	return Math.max(1, Math.floor(spare / (doublings * LARGEST_PART_BYTES - firstSize * (2 ** doublings - 1))));
}

import type { ManifestPart } from '../manifest/manifest';

/** Adjacent parts are fetched in one request up to this size, so that a slow reader does not hold one open for hours. */
const RANGE_BYTES = 64 * 1024 * 1024;

/** Groups parts that touch, so that each group is one range of the file. */
export function adjacentRuns<T extends { part: ManifestPart }>(wanted: T[]): T[][] {
	const runs: T[][] = [];
	let end = -1;
	let length = 0;
	for (const entry of wanted) {
		const { part } = entry;
		if (part.offset === end && length + part.length <= RANGE_BYTES) {
			runs.at(-1)!.push(entry);
			length += part.length;
		} else {
			runs.push([entry]);
			length = part.length;
		}
		end = part.offset + part.length;
	}
	return runs;
}

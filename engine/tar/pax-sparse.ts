/**
 * The list of the pieces of a sparse file in GNU's PAX format 1.0: the first content of the member, as decimal numbers with a line
 * feed behind each (how many pieces, then offset and length of each), filled up to whole blocks
 * (https://www.gnu.org/software/tar/manual/html_section/Sparse-Formats.html).
 */
import type { ByteCursor } from '../archive/cursor';
import { BLOCK, TarDamage } from './fields';
import { MOST_RUNS, type SparseRun } from './sparse';

/** Digits of the largest number. */
const MOST_DIGITS = 16;

/**
 * Reads the list, and stands behind it.
 * @param end of the member's content
 * @param headerOffset for messages
 * @throws TarDamage, EndedEarly
 */
export async function readSparseMap(cursor: ByteCursor, end: number, headerOffset: number): Promise<SparseRun[]> {
	const damaged = () => new TarDamage(headerOffset, 'has a list of a sparse file that cannot be read');
	let numbers: number[] = [];
	let rest = '';
	const runs: SparseRun[] = [];
	let count: number | undefined;
	while (count === undefined || runs.length < count) {
		if (cursor.position + BLOCK > end) throw damaged();
		const lines = (rest + Buffer.from(await cursor.take(BLOCK)).toString('latin1')).split('\n');
		rest = lines.pop() ?? '';
		for (const line of lines) {
			if (count !== undefined && runs.length === count) break;
			if (!/^\d{1,16}$/.test(line)) throw damaged();
			if (count === undefined) {
				count = Number(line);
				if (count > MOST_RUNS) throw new TarDamage(headerOffset, 'has a sparse file in unlikely many pieces');
				continue;
			}
			numbers.push(Number(line));
			if (numbers.length < 2) continue;
			runs.push({ offset: numbers[0]!, length: numbers[1]! });
			numbers = [];
		}
		if (rest.length > MOST_DIGITS && runs.length < (count ?? 1)) throw damaged();
	}
	return runs;
}

/** The parts of an archive of ours that hold rows, and whose. */
import type { ManifestPart } from '../archive';

/** Type of a part that is one COPY with rows of one table: `table` of its entry in the manifest. */
export const ROWS_PART = 'data';

/** Type of a part that is several COPYs, one after another: each of all rows, or the first ones, of one of `tables`, in that order. */
export const SHARED_ROWS_PART = 'tables';

type Entry = Pick<ManifestPart, 'type' | 'table' | 'tables'>;

export function holdsRows({ type }: Entry): boolean {
	return type === ROWS_PART || type === SHARED_ROWS_PART;
}

/** The tables whose rows a part holds, as indexes into the manifest's tables, one for each COPY. */
export function tablesIn({ table, tables }: Entry): readonly number[] {
	return tables ?? (table === undefined ? [] : [table]);
}

/** Which files of a data directory hold pages, by their names. Source: PostgreSQL documentation, "Database File Layout". */

/** A file of a relation: a segment of one of its forks. */
export interface RelationFile {
	/** Which segment of the fork it is: 0 for the first one, whose name has no number. */
	segment: number;
	/** Whether an incremental backup holds only its changed blocks: `INCREMENTAL.<name>`. */
	isIncremental: boolean;
}

/** Names of files of blocks of an incremental backup begin so. */
export const INCREMENTAL_PREFIX = 'INCREMENTAL.';

const FOLDER = /^(?:global|base\/\d+|pg_tblspc\/\d+\/PG_[^/]+\/\d+)\/([^/]+)$/;
const FILE = /^(INCREMENTAL\.)?\d+(?:_(?:fsm|vm|init))?(?:\.(\d+))?$/;

/** @param path within the data directory; undefined for a file that holds no pages. Temporary relations are in no backup. */
export function relationFile(path: string): RelationFile | undefined {
	const [, name] = FOLDER.exec(path) ?? [];
	const found = name === undefined ? null : FILE.exec(name);
	if (!found) return undefined;
	const [, prefix, segment = '0'] = found;
	return { segment: Number(segment), isIncremental: prefix !== undefined };
}

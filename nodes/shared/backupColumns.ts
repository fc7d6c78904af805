import type { BackupKind, ManifestSummary } from '../../engine';

import { readableSize } from './listSearch/size';
import { isIncremental, partialWords } from './partial';
import { type Columns, inOneText } from './simplify';

/** What else is known of a backup besides its manifest. */
export interface KnownOfBackup {
	/** The key of the archive; undefined where it lies in no storage. */
	key?: string | undefined;
	/** What is wrong with it, in a few words: `archive missing`. */
	problems?: string[];
	/** What its latest verification found; `never` where there was none. */
	verified?: string;
	/** What the run that made it has to say. */
	warnings?: readonly string[];
	/** Stands beside backups of other kinds: which one it is of is told in the place of its count. */
	amongOthers?: boolean;
}

/** What people ask for first of each kind, among the counts of its manifest. */
const MAIN_COUNT: Partial<Record<BackupKind, string>> = {
	postgres: 'rows',
	'postgres-base': 'files',
	'postgres-wal': 'segments',
	qdrant: 'points',
	files: 'files',
	'n8n-workflows': 'workflows',
	'n8n-instance': 'rows',
};

/** Objects of a bucket, without their older versions. */
export function currentObjects({
	files,
	versions = 0,
	deleteMarkers = 0,
}: ManifestSummary['counts']): number | undefined {
	return files === undefined ? undefined : files - versions - deleteMarkers;
}

/** The count that stands for how much a backup holds: `{ rows: 345678 }`. */
export function mainCount({ kind, counts }: ManifestSummary): Columns {
	// Beside backups with rows, a gap would be shown in red.
	if (kind === 'postgres-globals') return { rows: 0 };
	if (kind === 'minio') return { objects: currentObjects(counts) };
	const name = MAIN_COUNT[kind];
	return name === undefined ? {} : { [name]: counts[name] };
}

/** Whether backups of these kinds are told by different counts: a table of all of them would have a column for each, mostly empty. */
export function countsDiffer(kinds: readonly BackupKind[]): boolean {
	const names = kinds.flatMap((kind) => MAIN_COUNT[kind] ?? []);
	return new Set(names).size > 1;
}

/** The state of a backup in plain words: `whole`, `schema only, encrypted`, `incremental`, `archive missing`, `whole, pinned, 1 warning`. */
export function stateOf(manifest: ManifestSummary, problems: string[] = []): string {
	const { encryption, pinned = false, warnings } = manifest;
	const partial = partialWords(manifest);
	const words = [
		...problems,
		...(problems.length + partial.length === 0 ? [isIncremental(manifest) ? 'incremental' : 'whole'] : partial),
		...(encryption ? ['encrypted'] : []),
		...(pinned ? ['pinned'] : []),
		...(warnings.length > 0 ? [warnings.length === 1 ? '1 warning' : `${warnings.length} warnings`] : []),
	];
	return words.join(', ');
}

/**
 * A backup as a row of a table, of whatever kind it is. Back Up has the column `warning`, lists have `verified`: there is no
 * room for both.
 */
export function backupColumns(
	manifest: ManifestSummary,
	{ key, problems, verified, warnings = [], amongOthers = false }: KnownOfBackup,
): Columns {
	const { kind, name, startedAt, size, file, id, runId } = manifest;
	return {
		name,
		startedAt,
		size: readableSize(size.stored),
		...(amongOthers ? { kind } : mainCount(manifest)),
		state: stateOf(manifest, problems),
		...(verified === undefined ? { warning: inOneText(warnings) } : { verified }),
		file,
		key,
		id,
		runId,
	};
}

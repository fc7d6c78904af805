/**
 * Files that others put beside our backups, by the patterns of the policy. They have no manifest, so a file is taken for a
 * backup as it stands. Its time is the one in its name, or else the time of its last change. What was changed within the last day
 * may still be in the making: it is left out altogether, so it is neither deleted nor takes a finished one's place.
 */
import { isOwnName } from './orphans';
import type { RetentionCatalog } from './catalog';
import type { RetentionEntry } from '../entry';
import { compileGlob, foldersOf } from '../policy/key-filters';
import { dateInName, stemOf, type NameDate } from './name-date';
import type { RetentionPolicy } from '../policy/policy';
import { isWalFile } from '../wal/plan';
import type { Zone } from '../policy/zone';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Qdrant backups keep the list of snapshots that they asked servers for in such a folder. */
const LEDGER = /(^|\/)server-snapshots\//;

const COMPRESSED = /\.(gz|tgz|zst|xz|bz2|lz4)$/i;

/**
 * The foreign files that a policy asks for. Those whose names differ in nothing but their date are backups of one thing: a
 * pattern may well match the dumps of two, or a dump and the files that belong to it.
 * @param prefixes Folders whose files count although no backup of ours is there
 */
export function foreignIn(
	{ entries, damaged, others, lost }: RetentionCatalog,
	{ foreign = [] }: RetentionPolicy,
	options: { prefixes: readonly string[]; zone: Zone; now: Date },
): RetentionEntry[] {
	if (foreign.length === 0) return [];
	const patterns = foreign.map(({ pattern }) => ({ pattern, matches: compileGlob(pattern) }));
	const owned = new Set([...entries.map(({ key }) => key), ...lost.keys()]);
	for (const { manifestKey } of damaged) owned.add(manifestKey.replace(/\.manifest\.json$/, ''));
	const folders = new Set([...foldersOf(options.prefixes), ...entries.map(({ key }) => folderOf(key))]);
	const found: RetentionEntry[] = [];
	for (const { key, size, modifiedAt, sharedAs } of others.values()) {
		const asked = patterns.find(({ matches }) => matches(key));
		if (!asked || !(asked.pattern.includes('/') || folders.has(folderOf(key)))) continue;
		if (owned.has(key) || isOwnName(key) || isWalFile(key) || LEDGER.test(key)) continue;
		if (options.now.getTime() - modifiedAt.getTime() < DAY_MS) continue;
		const { moment, stem } = momentOf(key, modifiedAt, options.zone);
		found.push({
			id: key,
			kind: 'foreign',
			name: `${folderOf(key)}${stem}`,
			key,
			startedAt: moment.toISOString(),
			finishedAt: moment.toISOString(),
			size,
			tags: [],
			pinned: false,
			needs: [],
			lacksNeeded: false,
			complete: !isEmpty(key, size),
			verified: undefined,
			lockedUntil: undefined,
			legalHold: false,
			sharedAs,
			modifiedAt: modifiedAt.toISOString(),
		});
	}
	return found;
}

/** A script that failed leaves an empty file, or what compressors make of nothing: 20 bytes of gzip, 45 of a .tar.gz. */
function isEmpty(key: string, size: number): boolean {
	return size <= (COMPRESSED.test(key) ? 64 : 0);
}

function momentOf(key: string, modifiedAt: Date, zone: Zone): NameDate {
	const name = key.slice(key.lastIndexOf('/') + 1);
	const named = dateInName(name, zone);
	// Digits that name a day after the file was last changed are no date.
	if (!named || named.moment.getTime() > modifiedAt.getTime() + DAY_MS)
		return { moment: modifiedAt, stem: stemOf(name) };
	return named;
}

function folderOf(key: string): string {
	return key.slice(0, key.lastIndexOf('/') + 1);
}

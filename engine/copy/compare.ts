import type { ListedBackup, ManifestTrust } from '../archive';
import { readManifest } from '../archive/manifest/file';
import type { Manifest } from '../archive/manifest/manifest';
import { BackupError, listed, throwIfCancelled } from '../errors';
import { mapInParallel } from '../parallel';
import type { Storage } from '../storage/storage';
import { assertApart } from './apart';
import { readCopied } from './note';
import { RemovedAtTarget } from './removed';
import { allNeeded, bestOf, chosenFrom, unreadableIn, type CopyFilters } from './choose';
import { BothSides, factsOf, isComplete, isSameBackup, readSide, type Side } from './side';
import { assertRight } from './transfer';

export interface CompareStoragesOptions {
	source: Storage;
	target: Storage;
	filters?: CopyFilters;
	/** Reads both copies of each backup, and all that they need, and compares hashes. By default sizes and manifests are compared. */
	readEverything?: boolean;
	/** By what manifests of both storages are believed. */
	trust?: ManifestTrust;
	/** Told after each backup. Bytes of archives. */
	onProgress?: (progress: { compared: number; total: number; bytes: number; totalBytes: number }) => void;
	signal?: AbortSignal;
}

/** How a backup stands in both storages. */
export type CompareOutcome =
	| 'same'
	| 'missingAtTarget'
	/** It was copied there before, and removed: by retention, or by people. */
	| 'removedAtTarget'
	/** Such as what was removed at the source. */
	| 'missingAtSource'
	/** Both have a backup of this id or key, and they are not the same. */
	| 'different'
	| 'damagedAtSource'
	| 'damagedAtTarget';

export interface CompareRow {
	/** That of the source, or of the target where the source has none; undefined where the manifest cannot be read. */
	backup?: ListedBackup;
	/** Of the archive. */
	key: string;
	outcome: CompareOutcome;
	/** What is wrong, in whole sentences. */
	problem?: string;
}

const READERS = 4;

/** What is known to be wrong without reading. */
const FOUND_BAD: ReadonlySet<CompareOutcome> = new Set(['different', 'damagedAtSource', 'damagedAtTarget']);

/**
 * Tells what one of two storages lacks, holds differently, or holds damaged. Changes nothing.
 * @returns the newest first; what cannot be read last
 * @throws BackupError INVALID_INPUT, CANCELLED, STORAGE_UNREACHABLE, and what listing throws
 */
export async function compareStorages(options: CompareStoragesOptions): Promise<CompareRow[]> {
	const { source, target, filters = {}, trust = {}, readEverything = false, onProgress, signal } = options;
	await assertApart(source, target);
	const look = { saves: false, both: new BothSides(), signal };
	const [from, to, copied] = await Promise.all([
		readSide(source, trust, look),
		readSide(target, trust, look),
		readCopied(target, signal),
	]);
	const removed = new RemovedAtTarget(from, to, new Set(copied.keys()));
	const pairs = pairsOf(from, to, filters);
	const sides: ReadSides = [
		{ outcome: 'damagedAtSource', side: from, hashed: new Hashed(source) },
		{ outcome: 'damagedAtTarget', side: to, hashed: new Hashed(target) },
	];
	let [compared, bytes] = [0, 0];
	const sizeOf = ({ here, there }: Pair) => (here ?? there!).manifest.size.stored;
	const totalBytes = pairs.reduce((sum, pair) => sum + sizeOf(pair), 0);
	const rows = await mapInParallel(pairs, readEverything ? READERS : 1, async (pair) => {
		throwIfCancelled(signal);
		const { here, there } = pair;
		const row = judged(here, there, from, to, removed);
		const isRead = readEverything && !FOUND_BAD.has(row.outcome);
		const read = isRead ? await readThrough(row, [here, there], sides, options) : row;
		bytes += sizeOf(pair);
		onProgress?.({ compared: ++compared, total: pairs.length, bytes, totalBytes });
		return read;
	});
	const told = new Set(rows.map(({ key }) => key));
	const unread = (side: Side, outcome: CompareOutcome) =>
		unreadableIn(side, { type: 'all' }, filters)
			.filter(({ key }) => !told.has(key))
			.map(({ key, error }): CompareRow => ({ key, outcome, problem: error.message }));
	return [...rows, ...unread(from, 'damagedAtSource'), ...unread(to, 'damagedAtTarget')];
}

interface Pair {
	here: ListedBackup | undefined;
	there: ListedBackup | undefined;
}

/** Each backup of both storages once, with what the other one has of its id. */
function pairsOf(from: Side, to: Side, filters: CopyFilters): Pair[] {
	const wanted = (side: Side) => chosenFrom(side, { type: 'all' }, filters);
	const twin = (side: Side, { manifest }: ListedBackup) => {
		const copies = side.byId.get(manifest.id);
		return copies && bestOf(copies);
	};
	const pairs = [
		...wanted(from).map((here): Pair => ({ here, there: twin(to, here) })),
		...wanted(to).flatMap((there): Pair[] => (twin(from, there) ? [] : [{ here: undefined, there }])),
	];
	const startOf = ({ here, there }: Pair) => (here ?? there!).manifest.startedAt;
	return pairs.sort((a, b) => (startOf(a) < startOf(b) ? 1 : startOf(a) > startOf(b) ? -1 : 0));
}

function judged(
	here: ListedBackup | undefined,
	there: ListedBackup | undefined,
	from: Side,
	to: Side,
	removed: RemovedAtTarget,
): CompareRow {
	const backup = (here ?? there)!;
	const row = { backup, key: backup.key };
	const [wrongHere, wrongThere] = [here && problemOf(here, from), there && problemOf(there, to)];
	const different = here && there && differenceOf(here, there, from, to);
	if (different) return { ...row, outcome: 'different', problem: different };
	if (wrongHere) return { ...row, outcome: 'damagedAtSource', problem: wrongHere };
	if (wrongThere) return { ...row, outcome: 'damagedAtTarget', problem: wrongThere };
	const unread = here ? to.damaged.get(row.key) : from.damaged.get(row.key);
	if (unread && !(here && there)) {
		return { ...row, outcome: here ? 'damagedAtTarget' : 'damagedAtSource', problem: unread.error.message };
	}
	if (!there) return { ...row, outcome: removed.has(here!) ? 'removedAtTarget' : 'missingAtTarget' };
	return { ...row, outcome: here ? 'same' : 'missingAtSource' };
}

/** How what both have differs, or what it needs there from what it needs here. */
function differenceOf(here: ListedBackup, there: ListedBackup, from: Side, to: Side): string | undefined {
	if (!isSameBackup(here.manifest, there.manifest)) {
		return `Both have a backup of this id, and they say different things: ${here.key} and ${there.key}.`;
	}
	const needed = allNeeded(to, there.manifest.needs);
	for (const [id, one] of allNeeded(from, here.manifest.needs)) {
		const other = needed.get(id);
		if (!one || !other || isSameBackup(one.manifest, other.manifest)) continue;
		return `It needs an archive of which both have one by this id, and they say different things: ${one.key} and ${other.key}.`;
	}
	return undefined;
}

/** What is wrong with a backup as it is listed, and with what it needs. */
function problemOf(backup: ListedBackup, side: Side): string | undefined {
	const { key, foundSize, manifest } = backup;
	if (foundSize === undefined) return `The archive ${key} is missing.`;
	if (!isComplete(backup)) return `${key} has ${foundSize} bytes, where ${manifest.size.stored} were stored.`;
	const lacking = [...allNeeded(side, manifest.needs)].filter(([, needed]) => !needed || !isComplete(needed));
	if (lacking.length === 0) return undefined;
	return `It needs archives that are missing or damaged: ${listed(lacking.map(([id, needed]) => needed?.key ?? id))}.`;
}

interface ReadSide {
	outcome: CompareOutcome;
	side: Side;
	hashed: Hashed;
}
type ReadSides = [ReadSide, ReadSide];

/** Reads what either side has of a backup, with all that it needs. */
async function readThrough(
	row: CompareRow,
	backups: [here: ListedBackup | undefined, there: ListedBackup | undefined],
	sides: ReadSides,
	{ trust = {}, signal }: CompareStoragesOptions,
): Promise<CompareRow> {
	const manifests: Manifest[] = [];
	for (const [index, { outcome, side, hashed }] of sides.entries()) {
		const backup = backups[index];
		if (!backup) continue;
		try {
			const { manifest } = await readManifest(side.storage, backup.manifestKey, signal, trust);
			manifests.push(manifest);
			await hashed.check(backup, manifest, signal);
			for (const [id, needed] of allNeeded(side, manifest.needs)) {
				if (!needed) throw new BackupError('ARCHIVE_INCOMPLETE', `It needs an archive that is missing: ${id}.`);
				await hashed.check(needed, needed.manifest, signal);
			}
		} catch (error) {
			const endsAll =
				!(error instanceof BackupError) || error.code === 'CANCELLED' || error.code === 'STORAGE_UNREACHABLE';
			if (endsAll) throw error;
			return { ...row, outcome, problem: error.message };
		}
	}
	if (new Set(manifests.map(factsOf)).size <= 1) return row;
	return { ...row, outcome: 'different', problem: 'The archives are the same, but their manifests are not.' };
}

/** Reads archives, each of them once although many backups may need it. */
class Hashed {
	readonly #checks = new Map<string, Promise<void>>();

	constructor(private readonly storage: Storage) {}

	/** @throws BackupError ARCHIVE_CORRUPT, and what the storage throws */
	async check({ key }: ListedBackup, manifest: Pick<Manifest, 'sha256' | 'size'>, signal?: AbortSignal): Promise<void> {
		let check = this.#checks.get(key);
		if (!check) {
			check = assertRight(this.storage, key, manifest, signal ? { signal } : {});
			this.#checks.set(key, check);
		}
		await check;
	}
}

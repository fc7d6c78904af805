/** Which earlier archives a backup goes on from. */
import {
	encryptionForm,
	listManifests,
	neededBy,
	openArchive,
	prepareEncryption,
	seriesIn,
	usualFolder,
	type ArchiveReader,
	type BackupKind,
	type DecryptionKeys,
	type EncryptionKeys,
	type ListedBackup,
	type Manifest,
	type ManifestSummary,
} from '../archive';
import { BackupError, throwIfCancelled } from '../errors';
import type { Storage } from '../storage/storage';
import { readIndex } from './read-index';
import { refusalOf, unreadWarning } from './refused-base';

/** When a whole backup is due among incremental ones. */
export interface IncrementalChoices {
	/** After so many backups that go on from one another, a whole one is made; 0 for never. */
	wholeEvery: number;
	/** A whole one is made, too, when less than this share of the content of the older archives is still in use: 0 to 1. */
	leastUse: number;
}

export interface BaseOptions extends IncrementalChoices {
	storage: Storage;
	kind: BackupKind;
	name: string;
	/** By default the usual one of the kind. */
	folder?: string | undefined;
	/** As the new backup's manifest will have it: only backups of the same series are gone on from. */
	source: Manifest['source'];
	keys: DecryptionKeys | undefined;
	/** What the new backup is encrypted with; undefined for nothing. What is encrypted in another way is not gone on from. */
	encryption: EncryptionKeys | undefined;
	/** Whether a backup can be relied upon, by what is recorded of its verifications. */
	isReliable: (backup: ListedBackup) => Promise<boolean>;
	signal?: AbortSignal | undefined;
}

/** What a new backup goes on from, and where it stands in the row of increments. */
export interface ChosenBase {
	/** The oldest first; empty for a whole backup. */
	archives: readonly ArchiveReader[];
	/** Ids of the only archives whose content may be used; undefined for all. */
	usable?: ReadonlySet<string>;
	/** Where the archives lie whose content may be used, by id. */
	places: ReadonlyMap<string, ArchivePlace>;
	/** 0 for a whole backup. */
	increment: number;
	/** Why the backup is whole or is not, for the log. */
	reason: string;
	/** What is wrong with an earlier backup that was to be gone on from, as a sentence: its owner has to know. */
	warning?: string;
}

export interface ArchivePlace {
	key: string;
	/** Stored bytes. */
	size: number;
}

/** Goes on from nothing. */
export const NO_BASE: ChosenBase = {
	archives: [],
	places: new Map(),
	increment: 0,
	reason: 'a whole one was asked for',
};

/** Fewer: each needed archive is looked at by every restore. */
const MOST_NEEDS = 1000;

/** So many of the newest checkpoints are gone on from. */
const MOST_RESUMED = 2000;
/** So many backups are tried, the newest first, where their indexes turn out to be damaged. */
const MOST_TRIED = 5;

/** Codes that say of an archive that it cannot be gone on from, and not that the storage or the keys as such cannot be used. */
const UNUSABLE: ReadonlySet<string> = new Set([
	'ARCHIVE_CORRUPT',
	'KEY_MISSING',
	'KEY_WRONG',
	'MANIFEST_INVALID',
	'MANIFEST_NEWER',
	'NOT_AUTHENTIC',
	'STORAGE_MISSING',
]);
/** Those of them that tell of no damage: who encrypts need not be able to decrypt, and a backup may be pruned meanwhile. */
const EXPECTED: ReadonlySet<string> = new Set(['KEY_MISSING', 'STORAGE_MISSING']);

/**
 * The newest backup of the series that can be relied upon, all of whose archives are there, and the checkpoints that were
 * committed after it. Their indexes are read once to their ends, so that no damage and no wrong key ends the backup that
 * goes on from them: it is a whole one instead. One that is encrypted in another way is not gone on from either, for a restore would
 * then need the keys of both.
 * @throws BackupError INVALID_INPUT (keys), and what listing the storage throws
 */
export async function chooseBase(options: BaseOptions): Promise<ChosenBase> {
	const { storage, kind, name, keys, signal } = options;
	const { backups: all, damaged } = await listManifests(storage, '', { checkpoints: true }, signal, keys);
	const own = seriesMembers(
		options,
		all.filter(({ manifest }) => manifest.kind === kind && manifest.name === name),
	);
	const isThere = (backup: ListedBackup) =>
		backup.foundSize === backup.manifest.size.stored &&
		neededBy(backup.manifest, all).every((needed) => needed.isThere);
	const opener = await BaseOpener.of(options);
	const found = await firstReliable(own, isThere, opener, options);
	const since = found ? Date.parse(found.backup.manifest.finishedAt) : -Infinity;
	const checkpoints: ListedBackup[] = [];
	const resumed: ArchiveReader[] = [];
	const isNewer = (backup: ListedBackup) =>
		backup.manifest.checkpoint && Date.parse(backup.manifest.finishedAt) > since && isThere(backup);
	for (const backup of own.filter(isNewer).slice(0, MOST_RESUMED).reverse()) {
		const reader = await opener.open(backup);
		if (!reader) continue;
		checkpoints.push(backup);
		resumed.push(reader);
	}
	const newest = found?.backup;
	const warning = opener.warning ?? unreadWarning(damaged, since, options);
	const refusal = newest ? whyWhole(newest.manifest, all, options) : noneReason(opener);
	const goesOn = resumed.length > 0 ? `, with ${resumed.length} checkpoints of a run that did not come to its end` : '';
	if (!found || !newest || refusal !== undefined) {
		// The checkpoints may themselves use what is older.
		const usable = new Set(resumed.map(({ manifest }) => manifest.id));
		return {
			archives: resumed,
			usable,
			places: placesOf(checkpoints, all),
			increment: 0,
			reason: `${refusal}${goesOn}`,
			...(warning && { warning }),
		};
	}
	const increment = incrementOf(newest.manifest) + 1;
	const places = placesOf([newest, ...checkpoints], all);
	const reason = `goes on from ${newest.key}${goesOn}`;
	return { archives: [found.reader, ...resumed], places, increment, reason, ...(warning && { warning }) };
}

/** The same for backups that may be whole each time. */
export async function baseFor({
	incremental,
	...options
}: Omit<BaseOptions, keyof IncrementalChoices> & {
	/** Undefined for a whole backup. */
	incremental: IncrementalChoices | undefined;
}): Promise<ChosenBase> {
	return incremental ? await chooseBase({ ...options, ...incremental }) : NO_BASE;
}

/** Where some backups lie, and what they need. */
function placesOf(backups: readonly ListedBackup[], all: readonly ListedBackup[]): Map<string, ArchivePlace> {
	const places = new Map<string, ArchivePlace>();
	for (const backup of backups) {
		for (const { entry } of [{ entry: backup }, ...neededBy(backup.manifest, all)]) {
			if (entry) places.set(entry.manifest.id, { key: entry.key, size: entry.manifest.size.stored });
		}
	}
	return places;
}

/** Newest first. */
function seriesMembers(
	{ kind, name, folder = usualFolder(kind), source }: BaseOptions,
	backups: ListedBackup[],
): ListedBackup[] {
	const key = folder === '' ? 'new' : `${folder}/new`;
	const manifest = { kind, name, source, id: 'new' } as ManifestSummary;
	const fresh = { manifest, key } as ListedBackup;
	const series = seriesIn([...backups, fresh]);
	return backups.filter((backup) => series.get(backup) === series.get(fresh));
}

function noneReason({ refusal }: BaseOpener): string {
	return refusal ?? 'there is no earlier one to go on from';
}

async function firstReliable(
	backups: readonly ListedBackup[],
	isThere: (backup: ListedBackup) => boolean,
	opener: BaseOpener,
	{ isReliable }: BaseOptions,
): Promise<{ backup: ListedBackup; reader: ArchiveReader } | undefined> {
	let tried = 0;
	for (const backup of backups) {
		if (backup.manifest.checkpoint || !isThere(backup) || !(await isReliable(backup))) continue;
		const reader = await opener.open(backup);
		if (reader) return { backup, reader };
		if (++tried >= MOST_TRIED) break;
	}
	return undefined;
}

/** Opens archives that may be gone on from. */
class BaseOpener {
	/** Why the first that could not be was not. */
	refusal: string | undefined;
	/** The same, where that is no choice of who encrypts, but damage or a wrong key. */
	warning: string | undefined;
	readonly #options: BaseOptions;
	readonly #form: string;

	private constructor(options: BaseOptions, form: string) {
		this.#options = options;
		this.#form = form;
	}

	static async of(options: BaseOptions): Promise<BaseOpener> {
		return new BaseOpener(options, encryptionForm((await prepareEncryption(options.encryption))?.facts ?? null));
	}

	/** Undefined where it cannot be gone on from. @throws BackupError what the storage throws */
	async open({ key, manifestKey, manifest: { encryption } }: ListedBackup): Promise<ArchiveReader | undefined> {
		const { storage, keys, signal } = this.#options;
		if (encryptionForm(encryption) !== this.#form) {
			this.refusal ??= `${key} is not encrypted in the same way`;
			return undefined;
		}
		try {
			const reader = await openArchive(storage, manifestKey, keys);
			for await (const entry of readIndex(reader, signal)) void entry;
			return reader;
		} catch (error) {
			throwIfCancelled(signal);
			if (!(error instanceof BackupError) || !UNUSABLE.has(error.code)) throw error;
			const refusal = refusalOf(key, error);
			this.refusal ??= refusal;
			if (!EXPECTED.has(error.code)) this.warning ??= refusal;
			return undefined;
		}
	}
}

/** Why a whole backup is due; undefined where an increment will do. */
function whyWhole(
	{ needs = [], ...manifest }: ManifestSummary,
	all: readonly ListedBackup[],
	{ wholeEvery, leastUse }: BaseOptions,
): string | undefined {
	if (wholeEvery > 0 && incrementOf(manifest) + 1 >= wholeEvery) return `a whole one is due after ${wholeEvery}`;
	if (needs.length + 1 >= MOST_NEEDS) return `the last one needs ${needs.length} archives`;
	const uses = usesOf(manifest);
	let held = 0;
	let used = 0;
	for (const { manifest: other } of new Map(all.map((one) => [one.manifest.id, one])).values()) {
		if (other.id !== manifest.id && !needs.includes(other.id)) continue;
		held += contentOf(other);
		used += uses[other.id] ?? 0;
	}
	const share = held > 0 ? used / held : 1;
	if (share >= leastUse) return undefined;
	return `only ${Math.round(share * 100)} % of the older archives are still in use`;
}

/** Where a backup stands in the row of increments, by its manifest: 0 for a whole one. */
export function incrementOf({ counts }: Pick<Manifest, 'counts'>): number {
	return counts['increment'] ?? 0;
}

/** Bytes of content that an archive was made with: headers and indexes are more than small files are. */
function contentOf(manifest: ManifestSummary): number {
	return 'uses' in manifest.source ? (usesOf(manifest)[manifest.id] ?? 0) : manifest.size.raw;
}

function usesOf({ source }: Pick<Manifest, 'source'>): Record<string, number> {
	const { uses } = source as { uses?: unknown };
	if (typeof uses !== 'object' || uses === null) return {};
	return Object.fromEntries(
		Object.entries(uses).filter((pair): pair is [string, number] => typeof pair[1] === 'number'),
	);
}

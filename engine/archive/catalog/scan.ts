/**
 * What a storage holds: one look for all who ask (lists, drop-downs, find by id, the latest, verification, drills, trends,
 * retention). A storage may hold a hundred thousand backups, so nothing is held whole. How the data moves: the listing of
 * the storage makes one small record for each archive, which takes in what is listed of it, of its manifest and of its
 * verifications, in whatever order they come; then the stored catalogue (stored.ts) is read a line at a time, and tells of
 * every manifest that was not changed since; then the other manifests are read, some at once. Of each backup only what the
 * caller keeps stays in memory. At the end, where many manifests were read, the stored catalogue is written anew.
 *
 * Two runs may do so at once: each reads the stored catalogue again right before it replaces it, and keeps what it finds
 * there of the other one. What gets lost in between is read from the manifests the next time.
 */
import { BackupError, throwIfCancelled } from '../../errors';
import { Jobs } from '../../parallel';
import type { Storage } from '../../storage/storage';
import { assertAuthentic, type ManifestTrust } from '../manifest/authenticity';
import { manifestReader } from '../manifest/file';
import { folderOf, HOUSEKEEPING, manifestKeyOf } from '../naming';
import { summaryOf, type DamagedManifest, type ListedBackup, type ManifestSummary } from './entry';
import { ArchiveListing, isMissed, lineFor, type ListedArchive } from './listing';
import {
	batchesIn,
	CatalogSeal,
	formatLine,
	FreshLines,
	LineSieve,
	parseLine,
	readStored,
	writeStored,
	type CatalogLine,
	type UncheckedLine,
} from './stored';

/** Manifests that are read at once: a far server takes as long to answer for many as for one. */
const READERS = 32;
/** Bytes that they may have together, where there is more than one: those of huge databases take ten times as much in memory. */
const READ_BYTES = 16 * 1024 * 1024;
/** As many manifests are read in the time of a few requests: for fewer, the stored catalogue is not written anew. */
const WORTH_WRITING = 32;

export interface ScanOptions<T> {
	/** Only what lies below: `postgres/`. Default the whole storage. */
	prefix?: string;
	/** Which manifests are wanted at all, by the keys of their archives. Default all. */
	wants?: (key: string) => boolean;
	/** What is kept of a backup; undefined for nothing. */
	keep: (backup: ListedBackup, listed: ListedArchive<T>) => T | undefined;
	/** By what manifests are believed; those that are not count as damaged. */
	trust?: ManifestTrust;
	/**
	 * When the stored catalogue is replaced: where many manifests were read (the default; a storage that refuses it is fine),
	 * after any change, or never. `always` also notes which manifests are missed: only the holder of retention's lock may.
	 */
	save?: 'worthwhile' | 'always' | 'never';
	/** Believes nothing that is stored: all manifests are read. */
	isAnew?: boolean;
	/** Default: now. */
	now?: Date;
	signal?: AbortSignal | undefined;
}

export interface Scan<T> {
	/** Without what this package itself keeps in a storage. */
	listing: ArchiveListing<T>;
	/** Manifests that cannot be read, or are not to be believed. */
	damaged: DamagedManifest[];
	/** Archives whose manifests an earlier run saw and that have none any more, by key, since when that is known. */
	lost: Map<string, { summary: ManifestSummary; since: Date }>;
	/** How many manifests had to be read; the stored catalogue knew the others. */
	manifestsRead: number;
}

/**
 * Looks at all backups below a prefix.
 * @throws BackupError CANCELLED, STORAGE_UNREACHABLE, and what listing throws
 */
export async function scanBackups<T>(storage: Storage, options: ScanOptions<T>): Promise<Scan<T>> {
	return await new BackupScan(storage, options).run();
}

class BackupScan<T> {
	readonly #listing = new ArchiveListing<T>();
	readonly #damaged: DamagedManifest[] = [];
	readonly #lost: Scan<T>['lost'] = new Map();
	readonly #fresh = new FreshLines();
	readonly #prefix: string;
	readonly #trust: ManifestTrust;
	readonly #seal: CatalogSeal | undefined;
	readonly #now: Date;
	#manifestsRead = 0;
	/** Whether what is stored cannot be used; it may be large, so it is not read a second time. */
	#isDamaged = false;
	/** What else changed: stored lines without use, manifests that are newly missed. */
	#changes = 0;

	constructor(
		private readonly storage: Storage,
		private readonly options: ScanOptions<T>,
	) {
		this.#prefix = options.prefix ?? '';
		this.#trust = options.trust ?? {};
		this.#seal = CatalogSeal.of(this.#trust);
		this.#now = options.now ?? new Date();
	}

	async run(): Promise<Scan<T>> {
		const { isAnew = false, signal } = this.options;
		const [stored] = await Promise.all([isAnew ? undefined : readStored(this.storage, signal), this.#list()]);
		if (stored === 'damaged') {
			this.#isDamaged = true;
			this.#changes += WORTH_WRITING;
		} else if (stored) await this.#takeStored(stored);
		await this.#readOthers();
		await this.#save();
		return {
			listing: this.#listing,
			damaged: this.#damaged,
			lost: this.#lost,
			manifestsRead: this.#manifestsRead,
		};
	}

	async #list(): Promise<void> {
		for await (const object of this.storage.list(this.#prefix, { without: HOUSEKEEPING })) {
			throwIfCancelled(this.options.signal);
			this.#listing.take(object);
		}
	}

	async #takeStored(stored: Buffer): Promise<void> {
		const sieve = this.#sieve();
		for await (const batch of batchesIn(stored)) {
			throwIfCancelled(this.options.signal);
			for (const text of batch) {
				if (!text.startsWith('[')) this.#changes++;
				if (!sieve.isBelow(text)) continue;
				if (!sieve.hasRoomFor(text)) {
					this.#changes += WORTH_WRITING;
					return;
				}
				await this.#takeLine(text);
			}
		}
	}

	#sieve(): LineSieve {
		return new LineSieve(this.#prefix, this.#listing.size);
	}

	async #takeLine(text: string): Promise<void> {
		const unchecked = parseLine(text);
		const listed = unchecked && this.#listing.get(unchecked.key);
		// A second line for the same archive is as useless as one that nothing is listed for.
		const line = listed && !listed.hasLine ? lineFor(unchecked, listed) : undefined;
		listed?.noteLine();
		if (!line || !listed) {
			this.#changes++;
			return;
		}
		if (!(await this.#isBelieved(text))) return;
		const isLost = isMissed(line, listed);
		if (isLost) {
			if (line.missedSince === undefined && this.options.save === 'always') this.#changes++;
			this.#lost.set(listed.key, { summary: line.summary, since: new Date(line.missedSince ?? this.#now) });
			return;
		}
		// The manifest has come back: were it missed once more, the time of the first time must not count.
		if (line.missedSince !== undefined) this.#changes++;
		if (this.options.wants?.(line.key) !== false) await this.#believe(listed, line.summary);
	}

	/** Whether this run may take a line at its word: see stored.ts. */
	async #isBelieved(text: string): Promise<boolean> {
		if (!this.#seal) return true;
		const seal = await this.#seal.check(text);
		return seal !== undefined && (seal.isStrict || !this.#trust.requireEncryption);
	}

	/** What the seal does not say, or the manifest's proof did not: without a passphrase, whether encryption is required. */
	async #believe(listed: ListedArchive<T>, summary: ManifestSummary): Promise<void> {
		const { key } = listed;
		const manifestKey = manifestKeyOf(key);
		const folder = folderOf(key);
		listed.noteKnown();
		try {
			if (!this.#seal) await assertAuthentic({ ...summary, parts: [] }, { where: manifestKey, folder }, this.#trust);
		} catch (error) {
			this.#noteDamage(manifestKey, listed, error);
			return;
		}
		const backup = {
			manifest: summary,
			manifestKey,
			folder,
			key,
			foundSize: listed.size,
			hasRecord: listed.recordSize !== undefined,
		};
		listed.keep(this.options.keep(backup, listed));
	}

	async #readOthers(): Promise<void> {
		const read = manifestReader(this.storage, this.#seal ? this.#trust : {});
		const jobs = new Jobs(READERS, READ_BYTES);
		try {
			for (const listed of this.#unknown()) {
				throwIfCancelled(this.options.signal);
				await jobs.add(() => this.#readOne(read, listed), listed.manifestSize);
			}
		} finally {
			await jobs.settle();
		}
		await jobs.end();
	}

	async #readOne(read: ReturnType<typeof manifestReader>, listed: ListedArchive<T>): Promise<void> {
		const manifestKey = manifestKeyOf(listed.key);
		try {
			const { manifest } = await read(manifestKey, listed.manifestSize ?? 0, this.options.signal);
			this.#manifestsRead++;
			const summary = summaryOf(manifest);
			await this.#remember(listed, summary);
			await this.#believe(listed, summary);
		} catch (error) {
			// Deleted since it was listed.
			if (error instanceof BackupError && error.code === 'STORAGE_MISSING') return;
			this.#noteDamage(manifestKey, listed, error);
		}
	}

	*#unknown(): Generator<ListedArchive<T>> {
		for (const listed of this.#listing) {
			const { key, manifestSize, isKnown } = listed;
			if (manifestSize !== undefined && !isKnown && this.options.wants?.(key) !== false) yield listed;
		}
	}

	/** @throws what is no damage */
	#noteDamage(manifestKey: string, { manifestModifiedAt }: ListedArchive<T>, error: unknown): void {
		if (!(error instanceof BackupError)) throw error;
		if (error.code === 'CANCELLED' || error.code === 'STORAGE_UNREACHABLE') throw error;
		this.#damaged.push({ manifestKey, modifiedAt: new Date(manifestModifiedAt), error });
	}

	async #remember(listed: ListedArchive<T>, summary: ManifestSummary): Promise<void> {
		if (this.options.save === 'never') return;
		const { key, manifestSize: size = 0, manifestModifiedAt: modifiedAt, manifestEtag: etag } = listed;
		const line = formatLine({ key, size, modifiedAt, etag, summary, missedSince: undefined });
		if (line === undefined) return;
		const { requireEncryption = false } = this.#trust;
		this.#fresh.add(key, this.#seal ? await this.#seal.set(line, requireEncryption) : line);
	}

	async #save(): Promise<void> {
		const { save = 'worthwhile', signal } = this.options;
		const changes = this.#fresh.size + this.#changes;
		if (save === 'never' || changes < (save === 'always' ? 1 : WORTH_WRITING)) return;
		try {
			const lines = this.#linesToStore(this.#isDamaged ? undefined : await readStored(this.storage, signal));
			await writeStored(this.storage, lines, this.#fresh, signal);
		} catch (error) {
			// Whoever may only read lists all the same.
			if (save === 'always' || !(error instanceof BackupError) || error.code === 'CANCELLED') throw error;
		}
	}

	/** What stays of the lines that are stored. */
	async *#linesToStore(stored: Awaited<ReturnType<typeof readStored>>): AsyncGenerator<string> {
		if (!stored || stored === 'damaged') return;
		const written = new Set<string>();
		const sieve = this.#sieve();
		for await (const batch of batchesIn(stored)) {
			for (const text of batch) {
				// What this run did not look at is for another one to judge.
				if (!sieve.isBelow(text)) {
					if (text.startsWith('[')) yield text;
					continue;
				}
				if (!sieve.hasRoomFor(text)) continue;
				const line = parseLine(text);
				if (!line || this.#fresh.has(line.key) || written.has(line.key)) continue;
				const kept = await this.#lineToStore(text, line);
				if (kept === undefined) continue;
				written.add(line.key);
				yield kept;
			}
		}
	}

	/** A stored line as it stays; undefined for one that is of no use any more. */
	async #lineToStore(text: string, unchecked: UncheckedLine): Promise<string | undefined> {
		const listed = this.#listing.get(unchecked.key);
		const line = listed && lineFor(unchecked, listed);
		if (!line) return undefined;
		const isLost = isMissed(line, listed);
		const content = { ...line, missedSince: this.#missedSince(line, isLost) };
		if (!this.#seal) return content.missedSince === line.missedSince ? text : formatLine(content);
		const seal = await this.#seal.check(text);
		if (!seal) return text;
		// All of them by one salt, so that the next run derives one key.
		const plain = formatLine(content);
		return plain && (await this.#seal.set(plain, seal.isStrict));
	}

	/** Since when a manifest is missed; undefined for one that is there. */
	#missedSince({ missedSince }: CatalogLine, isLost: boolean): string | undefined {
		if (!isLost) return undefined;
		return missedSince ?? (this.options.save === 'always' ? this.#now.toISOString() : undefined);
	}
}

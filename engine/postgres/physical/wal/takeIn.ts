/**
 * Takes in segments that an archive_command has put into a folder or a bucket: each is read once, checked record by record, and stored in an
 * archive like those of a slot. What is stored already is passed over.
 *
 * Segments that follow one another are a run. One that is damaged, cut, or of another cluster is refused and ends its run; those before it are
 * stored, and the next run begins behind it, so that one bad file does not keep all later ones from being stored. Where it should be, the
 * coverage has a gap.
 */
import { asBackUp, listManifests, type ArchiveChoices, type Manifest, type ManifestTrust } from '../../../archive';
import { BackupError, throwIfCancelled } from '../../../errors';
import type { Storage } from '../../../storage';
import { coverageOf, union, type Coverage } from '../coverage';
import { historyName, parseSegmentName, type Lsn } from '../lsn';
import {
	damaged,
	foreign,
	headerIn,
	listArchived,
	openArchived,
	readHistories,
	readSegmentHeader,
	refused,
	RefusedFile,
	type ArchivedFiles,
	type ReadHistory,
} from './archivedFiles';
import { WalCollector, type StoredStretch } from './collector';
import { WalDamage } from './page';
import { StoredLog } from './storedLog';
import type { StretchTarget } from './stretchArchive';

const KINDS = ['postgres-base', 'postgres-wal'] as const;

export interface TakeInOptions extends ArchiveChoices {
	/** Where the segments lie. */
	files: Storage;
	/** The beginning of their keys, with a slash at its end where it is a folder. */
	prefix: string;
	/**
	 * Whose segments they are: what the backups of the cluster in the storage are called, or PostgreSQL's system identifier. By default the
	 * cluster of the first one that can be read; those of others are refused.
	 */
	cluster?: string | undefined;
	/** How the backups are called; by default as the newest ones of the same cluster in the storage are, or else `cluster_<identifier>`. */
	name?: string | undefined;
	trust?: ManifestTrust | undefined;
}

/** What there is to be taken in. */
export interface TakeInPlan {
	systemIdentifier: string;
	/** How the backups are called. */
	name: string;
	/** Of the server that wrote the segments: `15`. */
	version: string;
	segmentBytes: number;
	/** Segments that are there, how many of them are stored already, and the others, in order. */
	segments: number;
	known: number;
	missing: string[];
	/** Segments that cannot be read here: see ArchivedFiles. */
	unreadable: string[];
}

export interface TakeInReport extends Omit<TakeInPlan, 'missing'> {
	stored: Manifest[];
	/** Files that were not taken, each with why. */
	refused: RefusedFile[];
	/** The newest segment of a timeline, where it is not whole: it may be written just now, and is taken the next time. */
	unfinished: string[];
	coverage: Coverage;
}

/** A segment that is to be taken in. */
interface SegmentFile {
	key: string;
	timeline: number;
	startLsn: Lsn;
	/** Whether there is no later one on its timeline. */
	isLast: boolean;
}

/**
 * Finds out what would be taken in, without reading more than the beginning of a segment.
 * @throws BackupError INVALID_INPUT where there are no segments, or of none of the clusters that were asked for; what the storages throw
 */
export async function planTakeIn(options: TakeInOptions): Promise<TakeInPlan> {
	const found = await findArchived(options);
	const log = await StoredLog.find(options.storage, found.systemIdentifier, options);
	const missing = missingSegments(found, log).map(({ key }) => key);
	const { systemIdentifier, name, version, segmentBytes, files } = found;
	const { segments, unreadable } = files;
	const counts = { segments: segments.size, known: segments.size - missing.length, unreadable };
	return { systemIdentifier, name, version, segmentBytes, missing, ...counts };
}

/**
 * Takes in what is not stored yet. What is refused is told by the report, and no error.
 * @throws BackupError as planTakeIn does; STORAGE_LOCKED, CANCELLED; STORAGE_*
 */
export async function takeInWal(options: TakeInOptions): Promise<TakeInReport> {
	const found = await findArchived(options);
	const { systemIdentifier: origin, name } = found;
	return await asBackUp(options, { kind: 'postgres-wal', name, origin, isWhole: false }, async (choices) => {
		return await new TakeIn(choices, found).run();
	});
}

interface Found {
	files: ArchivedFiles;
	systemIdentifier: string;
	segmentBytes: number;
	version: string;
	name: string;
}

async function findArchived(options: TakeInOptions): Promise<Found> {
	const { files, prefix, storage, trust, signal, cluster } = options;
	const archived = await listArchived(files, prefix, signal);
	if (archived.segments.size === 0) throw noSegments(options, archived);
	const { backups } = await listManifests(storage, '', { kind: KINDS }, signal, trust);
	const named = backups.map(({ manifest: { name, source } }) => ({ name, id: String(source['systemIdentifier']) }));
	const wanted = cluster === undefined ? undefined : identifierOf(cluster, named);
	const { systemIdentifier, segmentBytes, version } = await firstHeader(options, archived, wanted);
	const own = named.find(({ id }) => id === systemIdentifier)?.name;
	const name = options.name ?? own ?? `cluster_${systemIdentifier}`;
	return { files: archived, systemIdentifier, segmentBytes, version: String(version), name };
}

/** @throws BackupError INVALID_INPUT where the storage has backups of this name of none or of several */
function identifierOf(cluster: string, named: ReadonlyArray<{ name: string; id: string }>): string {
	if (/^\d{10,20}$/.test(cluster)) return cluster;
	const [id, ...others] = new Set(named.filter(({ name }) => name === cluster).map((one) => one.id));
	if (id !== undefined && others.length === 0) return id;
	throw new BackupError(
		'INVALID_INPUT',
		`The storage holds physical backups of ${id === undefined ? 'no cluster' : 'several clusters'} with the name ${JSON.stringify(cluster.slice(0, 80))}.`,
		{
			hint: 'Choose the cluster from the list, or give its system identifier (SELECT system_identifier FROM pg_control_system()).',
		},
	);
}

/** What the first segment says that can be read and is of the cluster that is wanted. */
async function firstHeader({ files, signal }: TakeInOptions, archived: ArchivedFiles, wanted: string | undefined) {
	let bad: RefusedFile | undefined;
	let other: string | undefined;
	for (const key of archived.segments.values()) {
		try {
			const header = await readSegmentHeader(files, key, signal);
			if (wanted === undefined || header.systemIdentifier === wanted) return header;
			other ??= header.systemIdentifier;
		} catch (error) {
			if (!(error instanceof RefusedFile)) throw error;
			bad ??= error;
		}
	}
	if (other === undefined) throw bad!.reason;
	throw new BackupError('INVALID_INPUT', `The WAL there is of another cluster, ${other} and not ${wanted}.`, {
		hint: 'Check the folder and the cluster. Each server needs a place of its own for its archive_command.',
	});
}

function noSegments({ files, prefix }: TakeInOptions, { unreadable }: ArchivedFiles): BackupError {
	const [first] = unreadable;
	const where = prefix === '' ? `in the ${files.description}` : `below ${prefix} in the ${files.description}`;
	if (first === undefined)
		return new BackupError('INVALID_INPUT', `There are no WAL segments ${where}.`, {
			hint: 'Check the folder, and that archive_command puts files there that are called as PostgreSQL calls them (%f), with .gz or .zst where they are compressed.',
		});
	return new BackupError('INVALID_INPUT', `The WAL segments ${where} cannot be read here, such as ${first}.`, {
		hint: 'Let archive_command store them plain, or compressed with gzip (.gz) or zstd (.zst). Unpack those that are there.',
	});
}

/** Those of which a part is not stored. */
function missingSegments({ files, segmentBytes }: Found, log: StoredLog): SegmentFile[] {
	const { stretches } = log.cluster;
	const timelines = new Set(stretches.map(({ timeline }) => timeline));
	const known = new Map(
		[...timelines].map((timeline) => [timeline, union(stretches.filter((one) => one.timeline === timeline))]),
	);
	const places = [...files.segments].flatMap(([name, key]) => {
		const place = parseSegmentName(name, segmentBytes);
		return place ? [{ key, ...place }] : [];
	});
	return places.flatMap((segment, index): SegmentFile[] => {
		const { timeline, startLsn } = segment;
		const end = startLsn + BigInt(segmentBytes);
		const isKnown = known.get(timeline)?.some((one) => one.startLsn <= startLsn && one.endLsn >= end);
		return isKnown ? [] : [{ ...segment, isLast: places[index + 1]?.timeline !== timeline }];
	});
}

class TakeIn {
	readonly #options: TakeInOptions;
	readonly #found: Found;
	readonly #target: StretchTarget;
	readonly #stored: StoredStretch[] = [];
	readonly #refused: RefusedFile[] = [];
	readonly #unfinished: string[] = [];
	#histories: ReadonlyMap<number, ReadHistory> = new Map();

	constructor(options: TakeInOptions, found: Found) {
		const { systemIdentifier, segmentBytes, version, name } = found;
		this.#options = options;
		this.#found = found;
		this.#target = {
			choices: options,
			name,
			cluster: { systemIdentifier, segmentBytes, version },
			connection: undefined,
		};
	}

	async run(): Promise<TakeInReport> {
		const { storage, files, signal } = this.#options;
		const { files: archived, ...about } = this.#found;
		// Another run may have stored some while this one waited for its turn.
		const log = await StoredLog.find(storage, about.systemIdentifier, this.#options);
		const onRefused = (one: RefusedFile) => void this.#refused.push(one);
		this.#histories = await readHistories(files, archived.histories, onRefused, signal);
		const missing = missingSegments(this.#found, log);
		const onStored = (one: StoredStretch) => {
			log.add(one);
			this.#stored.push(one);
			return Promise.resolve();
		};
		for (let at = 0; at < missing.length;) at += await this.#takeRun(missing, at, onStored);
		for (const one of this.#stored) await log.removeReplaced(one, signal);
		return {
			...about,
			stored: this.#stored.map(({ manifest }) => manifest),
			segments: archived.segments.size,
			known: archived.segments.size - missing.length,
			unreadable: archived.unreadable,
			refused: this.#refused,
			unfinished: this.#unfinished,
			coverage: coverageOf(log.cluster),
		};
	}

	/** Takes segments from one of them on for as long as each follows the one before. @returns how many it was over with */
	async #takeRun(
		segments: readonly SegmentFile[],
		from: number,
		onStored: (stored: StoredStretch) => Promise<void>,
	): Promise<number> {
		const first = segments[from]!;
		const { timeline, startLsn } = first;
		const history = this.#histories.get(timeline)?.ancestors;
		if (timeline > 1 && !history) {
			this.#refused.push(lacksHistory(first));
			return 1;
		}
		const before = [...this.#histories.values()].filter((one) => one.timeline <= timeline);
		const start = { timeline, history: history ?? [], histories: before, startLsn, storedLsn: startLsn };
		const collector = new WalCollector(this.#target, start, onStored);
		let taken = 0;
		try {
			for (let next: SegmentFile | undefined = first; next; next = segments[from + taken]) {
				if (next.timeline !== timeline || next.startLsn !== collector.receivedLsn) break;
				taken++;
				await this.#takeSegment(next, collector);
			}
		} catch (error) {
			if (!(error instanceof RefusedFile)) {
				await collector.abort(error);
				throw error;
			}
			const { isLast, key } = segments[from + taken - 1]!;
			if (isLast && error.reason.code === 'ARCHIVE_INCOMPLETE') this.#unfinished.push(key);
			else this.#refused.push(error);
		}
		// Nothing of the one that was refused, and all that came before it.
		await collector.commitWhole();
		return taken;
	}

	async #takeSegment({ key, startLsn }: SegmentFile, collector: WalCollector): Promise<void> {
		const { files, signal } = this.#options;
		const { head, content } = await openArchived(files, key, signal);
		const end = startLsn + BigInt(this.#found.segmentBytes);
		let at = startLsn;
		for await (const chunk of content) {
			throwIfCancelled(signal);
			if (at === startLsn) this.#assertOwn(key, head);
			if (at + BigInt(chunk.length) > end) throw refused(key, 'is longer than a WAL segment');
			await collector.take(at, chunk, undefined).catch((error: unknown) => {
				throw error instanceof BackupError && error.cause instanceof WalDamage ? damaged(key, error.cause) : error;
			});
			at += BigInt(chunk.length);
		}
		if (at !== end) throw refused(key, 'is shorter than a WAL segment', 'ARCHIVE_INCOMPLETE');
	}

	/** @throws RefusedFile */
	#assertOwn(key: string, head: Buffer): void {
		const header = headerIn(key, head);
		const { systemIdentifier } = this.#found;
		if (header.systemIdentifier !== systemIdentifier) throw foreign(key, header, systemIdentifier);
	}
}

function lacksHistory({ key, timeline }: SegmentFile): RefusedFile {
	return new RefusedFile(
		key,
		new BackupError('ARCHIVE_INCOMPLETE', `${key} is of timeline ${timeline}, whose history is missing.`, {
			hint: `Put ${historyName(timeline)} beside the segments: the server has it in pg_wal.`,
		}),
	);
}

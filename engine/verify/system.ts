/**
 * What each system (PostgreSQL, Qdrant, ...) brings so that its backups can be verified, restored for a test and compared
 * with earlier ones. Nothing in this folder knows a system: whoever verifies passes the list of them, and only
 * engine/systems.ts makes that list. A new system brings one object of the type BackupSystem.
 */
import type { ArchiveReader, BackupKind, Manifest, ManifestSummary } from '../archive';
import type { SystemLog } from './log';
import type { CheckContext, VerificationLevel } from './types';

/** What was looked at: `{ tables: 12, rows: 34567 }`, `{ points: 1000, sampled: 100 }`. */
export type Counts = Record<string, number>;

/** @typeParam Scratch where the system restores for a test: a server, or the memory of this machine */
export interface BackupSystem<Scratch = unknown> {
	/** `postgres`. Its scratch target stands in ScratchTargets under this name. */
	name: string;
	/** For messages: `PostgreSQL`. */
	title: string;
	kinds: readonly SystemKind<Scratch>[];
	/** Files of the system's own that other programs make. */
	files?: readonly FileFormat<Scratch>[];
	/** The same for files that are tar archives. */
	tars?: readonly TarFormat<Scratch>[];
	/** What the system stores piece by piece between base backups. */
	logs?: readonly SystemLog[];
	/** The counts of a manifest that a trend is made of, in words: `{ rows: 'number of rows' }`. */
	measures: Readonly<Record<string, string>>;
}

/** Where test restores may go, by the name of the system. Each system exports the type of its own target. */
export type ScratchTargets = Readonly<Record<string, unknown>>;

/**
 * Why a backup is not restored for a test, as far as that is known before: `noWay`, its kind cannot be restored for a test;
 * `noPlace`, no scratch target is given for its system; `tooLarge`, it is larger than may be restored in memory; `noMemory`,
 * memory would not suffice for it; `noProgram`, no program of a server is named that could be started from it.
 */
export type RestoreHindrance = 'noWay' | 'noPlace' | 'tooLarge' | 'noMemory' | 'noProgram';

/**
 * How archives of one kind are checked. Checks report what is wrong with the backup by `context.found`. They throw only what
 * says nothing of it (CANCELLED, STORAGE_*, KEY_*, TARGET_*), and ARCHIVE_CORRUPT as it comes from the reader.
 */
export interface SystemKind<Scratch = unknown> {
	kind: BackupKind;
	/** Whether backups of the kind hold data. Roles alone, for instance, bring nothing back. */
	holdsData: boolean;
	/** Whether there is a way to restore backups of the kind for a test. */
	canBeRestored: boolean;
	/**
	 * Reads the content, which comes decrypted and decompressed, to its very end, in constant memory. The reader's errors
	 * reach it through `raw` and must be passed on.
	 */
	check(
		raw: AsyncIterable<Uint8Array>,
		manifest: Manifest,
		context: CheckContext,
	): Promise<Checked<ArchiveReader, Scratch>>;
	/** What keeps this target from taking the backup, as far as it shows before anything is read. */
	hindrance?(manifest: ManifestSummary, scratch: Scratch): RestoreHindrance | undefined;
	/** What the user asserts of a restored backup of this kind: it is not asked where nothing is restored. */
	assertions?(scratch: Scratch): readonly string[];
}

/** What a check has found out, apart from its findings. */
export interface Checked<Source, Scratch> {
	counts: Counts;
	/**
	 * Restores what was checked into a scratch target, compares, and removes it again, also after a failure or a cancel. It
	 * uses what the check has learnt, so that the source is read once more and not twice. Undefined where there is no way.
	 */
	testRestore?(source: Source, scratch: Scratch, context: CheckContext): Promise<Counts>;
}

/** A file that another program made, opened for a test restore. */
export interface ForeignFile {
	/** For messages: the name without its folder. */
	name: string;
	/** Bytes of its content. */
	rawBytes: number;
	/** Its content from the first byte, without compression and encryption around it; may be called several times. */
	open: (signal?: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;
}

/** What a check has found out of a file. */
export interface CheckedFile<Scratch = unknown> extends Checked<ForeignFile, Scratch> {
	/** What such a file is called, where that is more exact than the format's own name: `workflows of n8n`. */
	form?: string;
	/** Whose scratch target its test restore needs. */
	system?: BackupSystem;
}

/** A form of file that is recognised by its first bytes. */
export interface FileFormat<Scratch = unknown> {
	/** `plain SQL dump`. */
	form: string;
	/**
	 * Whether a file that begins with these bytes (at most 4096) is one.
	 * @throws BackupError INVALID_INPUT, with what to do instead, for what is close to it and cannot be read
	 */
	recognise(head: Buffer): boolean;
	/**
	 * Reads the content to its end. Problems within it are reported by `context.found`; what makes the rest unreadable is
	 * thrown.
	 * @throws BackupError ARCHIVE_CORRUPT, ARCHIVE_INCOMPLETE, INVALID_INPUT; what the stream throws
	 */
	check(content: AsyncIterable<Uint8Array>, context: CheckContext): Promise<CheckedFile<Scratch>>;
}

/** A form of tar archive. Only the members of a tar, up to its last one, show which form it is. */
export interface TarFormat<Scratch = unknown> {
	/** `snapshot of Qdrant`. */
	form: string;
	/** Begins to look at a tar that may be of this form. */
	inspect(context: CheckContext): TarInspection<Scratch>;
}

/** Looks at a tar while that is walked for the first time, so that it is read once. */
export interface TarInspection<Scratch> {
	/** Called for each member in the order of the tar. */
	member(name: string, type: string): void;
	/** Gets all bytes of the tar, in order. The walk waits until it is resolved. */
	take?(chunk: Uint8Array): Promise<void>;
	/** Called once the tar was walked to its end. Undefined where it is of another form. */
	finish(): Promise<CheckedFile<Scratch> | undefined>;
	/** Called in every case, at the end. */
	close?(): void;
}

/** A kind with the system that it belongs to; undefined where no system brings it. */
export function findKind(
	systems: readonly BackupSystem[],
	kind: BackupKind,
): { system: BackupSystem; ofKind: SystemKind } | undefined {
	for (const system of systems) {
		const ofKind = system.kinds.find((one) => one.kind === kind);
		if (ofKind) return { system, ofKind };
	}
	return undefined;
}

/** The name of the system that backups of a kind belong to; undefined where no system brings it. */
export function systemOf(systems: readonly BackupSystem[], kind: BackupKind): string | undefined {
	return findKind(systems, kind)?.system.name;
}

/** How deep backups of a kind can be verified: not all of them can be restored for a test. */
export function deepestLevelOf(systems: readonly BackupSystem[], kind: BackupKind): VerificationLevel {
	return findKind(systems, kind)?.ofKind.canBeRestored ? 'restore' : 'content';
}

/** What keeps a backup from being restored for a test, as far as it shows before; undefined where nothing does. */
export function hindranceOf(
	systems: readonly BackupSystem[],
	manifest: ManifestSummary,
	targets: ScratchTargets,
): RestoreHindrance | undefined {
	const found = findKind(systems, manifest.kind);
	if (!found?.ofKind.canBeRestored) return 'noWay';
	const scratch = targets[found.system.name];
	return scratch === undefined ? 'noPlace' : found.ofKind.hindrance?.(manifest, scratch);
}

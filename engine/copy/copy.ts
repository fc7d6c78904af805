import {
	latestKey,
	prepareEncryption,
	withLock,
	type DecryptionKeys,
	type EncryptionKeys,
	type ListedBackup,
} from '../archive';
import type { Encryptor } from '../archive/encryption/encryption';
import { weekOfFolder } from '../archive/naming';
import { BackupError, listed, messageOf, throwIfCancelled } from '../errors';
import { inParallel, Jobs } from '../parallel';
import type { Storage } from '../storage/storage';
import { assertApart } from './apart';
import type { CopyFilters, UnreadableBackup, WhichBackups } from './choose';
import { targetKeyOf, type EncryptionOnTheWay } from './form';
import { placesOf, shared } from './in-flight';
import { noteCopied, readCopied } from './note';
import { planCopies, type PlannedCopy } from './plan';
import { BothSides, isComplete, readSide, type Side } from './side';
import { GoneMeanwhile, transfer, type Route } from './transfer';

export interface CopyOptions {
	source: Storage;
	target: Storage;
	/** Default `new`. */
	which?: WhichBackups;
	filters?: CopyFilters;
	/** Shows what would be done and changes nothing, not even a lock. */
	dryRun?: boolean;
	/** Large archives that are copied at once: 1 to 16, default 2. Of small ones there are more, unless it is 1: see placesOf. */
	parallel?: number;
	/** By what manifests of the source are believed; one that is not counts as one that cannot be read, and is not copied. */
	trust?: DecryptionKeys;
	/** What is not encrypted is, for these keys, on its way to a target that is trusted less. */
	encryption?: EncryptionKeys;
	/** Decrypts, by `trust`, what was encrypted on its way before: it is again what it was, to the byte. */
	decrypts?: boolean;
	/** Who holds the lock of the target, for the message that others get. No secrets. */
	owner: string;
	/** Default: now. */
	now?: Date;
	onProgress?: (progress: CopyProgress) => void;
	signal?: AbortSignal;
}

/** How far a copy is. Bytes of archives. */
export interface CopyProgress {
	bytes: number;
	totalBytes: number;
	/** Archives that are there. */
	copied: number;
	total: number;
}

/** What became of a backup; `wouldBeCopied` in a dry run. */
export type CopyOutcome = 'copied' | 'wouldBeCopied' | 'skipped' | 'conflict' | 'failed';

/** A backup, or an archive that one needs. */
export interface CopyRow {
	backup: ListedBackup;
	/** The key of the copy, which has another name where it is encrypted or decrypted on its way. */
	targetKey: string;
	outcome: CopyOutcome;
	/** Why it was skipped: the target has it, has had it (retention or people removed it there), or the source has it no more. */
	why?: 'there' | 'removed' | 'gone';
	/** Of `conflict` and `failed`. */
	error?: BackupError;
	/** Whether it was not asked for, and came because a backup needs it. */
	isNeeded: boolean;
	/** Whether the server of both storages has copied it by itself. */
	byServer: boolean;
}

export interface CopyReport {
	dryRun: boolean;
	/** What is needed before what needs it, otherwise the oldest first. */
	rows: CopyRow[];
	/** What the source has and nobody can read: nobody knows whether it was asked for. */
	unreadable: UnreadableBackup[];
	/** Ids that were picked and that the source does not have. */
	missing: string[];
	/** Bytes of the archives that were copied, or would be. */
	copiedBytes: number;
	/** Whole sentences. */
	warnings: string[];
}

const PARALLEL = { default: 2, most: 16 };
/** That are set at once. */
const POINTERS = 8;

/** Whatever comes next would fail as well, or must not happen. */
const ENDING: ReadonlySet<string> = new Set(['CANCELLED', 'STORAGE_UNREACHABLE']);

/**
 * Copies backups from one storage to another. Nothing is deleted in either of them, and nothing that stands in the target is
 * overwritten. The lock of the target is held, so no prune takes there what a backup that follows needs; the source need
 * not let us write: what is pruned there meanwhile is told as gone.
 * @throws BackupError STORAGE_LOCKED (a prune or another copy is at work on the target), INVALID_INPUT, CANCELLED,
 * STORAGE_UNREACHABLE, and what listing throws. What was copied before stays, and the next run goes on from it.
 */
export async function copyBackups(options: CopyOptions): Promise<CopyReport> {
	const { source, target, dryRun = false, owner, signal, parallel = PARALLEL.default } = options;
	throwIfCancelled(signal);
	if (!Number.isInteger(parallel) || parallel < 1 || parallel > PARALLEL.most) {
		throw new BackupError('INVALID_INPUT', `Parallel Copies is ${parallel}.`, {
			hint: `Give a whole number from 1 to ${PARALLEL.most}.`,
		});
	}
	await assertApart(source, target);
	if (dryRun) return await new CopyRun(options, async () => {}).run();
	return await withLock(target, { owner, ...(signal && { signal }) }, async (lock) => {
		await assertApart(source, target, lock.key);
		return await lock.during(
			async (either) =>
				await new CopyRun(
					{ ...options, signal: either },
					shared(() => lock.confirm()),
				).run(),
			signal,
		);
	});
}

class CopyRun {
	/** Whether an archive is there; of one that is under way, once it is known. */
	readonly #outcomes = new Map<string, boolean | Promise<boolean>>();
	readonly #rows: CopyRow[] = [];
	readonly #warnings: string[] = [];
	readonly #newest = new Map<string, string>();
	/** Where pointers are to lead to at the end. */
	readonly #pointers = new Map<string, string>();
	#bytes = 0;
	#copied = 0;
	#copiedBytes = 0;
	readonly #onTheWay: EncryptionOnTheWay;
	#encryptor: Encryptor | undefined;

	constructor(
		private readonly options: CopyOptions,
		private readonly confirm: () => Promise<void>,
	) {
		this.#onTheWay = options.encryption ? 'encrypt' : options.decrypts ? 'decrypt' : undefined;
	}

	async run(): Promise<CopyReport> {
		const { source, target, trust = {}, signal, which = { type: 'new' }, filters = {}, dryRun = false } = this.options;
		this.#encryptor = await prepareEncryption(this.options.encryption);
		// What was read of the source's manifests saves the next run reading them again. A source that takes nothing is read each time.
		const look = { saves: !dryRun, both: new BothSides(), signal };
		const [from, to, copiedBefore] = await Promise.all([
			readSide(source, trust, look),
			// What lies there decides nothing but what is left out, and that is told.
			readSide(target, {}, look),
			readCopied(target, signal),
		]);
		const copied = new Set(copiedBefore.keys());
		const { copies, unreadable, missing } = planCopies({
			source: from,
			target: to,
			which,
			filters,
			copiedBefore: copied,
			onTheWay: this.#onTheWay,
		});
		const toCopy = copies.filter(({ action }) => action.type === 'copy');
		if (toCopy.length > 0) this.#noteNewest(to);
		if (dryRun) this.#tell(copies);
		else {
			try {
				await this.#copyAll(copies, toCopy, to);
			} catch (error) {
				// The next run passes over what this one has copied. A storage that is away was waited for already.
				if (!(error instanceof BackupError && error.code === 'STORAGE_UNREACHABLE')) await this.#setPointers();
				throw error;
			}
			await this.#setPointers();
			await this.#note(copiedBefore, from, to);
		}
		return {
			dryRun,
			rows: this.#rows,
			unreadable,
			missing,
			copiedBytes: this.#copiedBytes,
			warnings: this.#warnings,
		};
	}

	#tell(copies: readonly PlannedCopy[]): void {
		for (const { backup, action, isNeeded } of copies) {
			if (action.type === 'copy') this.#copiedBytes += backup.manifest.size.stored;
			this.#rows.push(this.#rowOf(backup, action.type === 'copy' ? 'wouldBeCopied' : action, isNeeded));
		}
	}

	/** Rows come in the order of the plan, whatever is ready first. */
	async #copyAll(copies: readonly PlannedCopy[], toCopy: readonly PlannedCopy[], to: Side): Promise<void> {
		const totalBytes = toCopy.reduce((sum, { backup }) => sum + backup.manifest.size.stored, 0);
		const tell = () => {
			this.options.onProgress?.({ bytes: this.#bytes, totalBytes, copied: this.#copied, total: toCopy.length });
		};
		const rows = new Map<PlannedCopy, CopyRow>();
		const { parallel = PARALLEL.default } = this.options;
		const begin = async (copy: PlannedCopy) => {
			const row = this.#copyOne(copy, to, tell);
			// Those that need it come later, and wait for it.
			const isThere = row.then(({ outcome }) => outcome === 'copied');
			isThere.catch(() => {});
			this.#outcomes.set(copy.backup.manifest.id, isThere);
			rows.set(copy, await row);
			tell();
		};
		const jobs = new Jobs(parallel === 1 ? 1 : Infinity, parallel);
		try {
			for (const copy of copies) {
				const { backup, action, isNeeded } = copy;
				if (action.type === 'copy') {
					await jobs.add(() => begin(copy), placesOf(backup.manifest.size.stored));
					continue;
				}
				rows.set(copy, this.#rowOf(backup, action, isNeeded));
				this.#outcomes.set(backup.manifest.id, action.type === 'skip');
			}
		} finally {
			await jobs.settle();
		}
		await jobs.end();
		for (const copy of copies) this.#rows.push(rows.get(copy)!);
	}

	async #copyOne({ backup, isNeeded }: PlannedCopy, to: Side, tell: () => void): Promise<CopyRow> {
		const { source, target, trust = {}, signal } = this.options;
		const onBytes = (bytes: number) => {
			this.#bytes += bytes;
			tell();
		};
		const [onTheWay, encryptor] = [this.#onTheWay, this.#encryptor];
		const isListed = (key: string) => to.listing.has(key);
		const route: Route = {
			source,
			target,
			trust,
			onTheWay,
			encryptor,
			confirm: this.confirm,
			signal,
			onBytes,
			isListed,
		};
		try {
			await this.#assertNeededThere(backup);
			const way = await transfer(route, backup);
			this.#copied += 1;
			this.#copiedBytes += backup.manifest.size.stored;
			this.#notePointer(backup);
			return { backup, targetKey: this.#keyOf(backup), outcome: 'copied', isNeeded, byServer: way === 'byServer' };
		} catch (error) {
			throwIfCancelled(signal);
			if (error instanceof GoneMeanwhile) return { ...this.#rowOf(backup, { type: 'skip', why: 'gone' }, isNeeded) };
			if (!(error instanceof BackupError) || ENDING.has(error.code)) throw error;
			const type = error.code === 'STORAGE_EXISTS' ? 'conflict' : 'fail';
			return this.#rowOf(backup, { type, error }, isNeeded);
		}
	}

	async #assertNeededThere({ key, manifest: { needs = [] } }: ListedBackup): Promise<void> {
		const lacking: string[] = [];
		for (const id of needs) if ((await this.#outcomes.get(id)) === false) lacking.push(id);
		if (lacking.length === 0) return;
		throw new BackupError(
			'ARCHIVE_INCOMPLETE',
			`${key} was not copied: archives that it needs could not be: ${listed(lacking)}.`,
			{ hint: 'What became of them is told beside it.' },
		);
	}

	#noteNewest({ byId }: Side): void {
		for (const backup of [...byId.values()].flat()) {
			if (isPointedAt(backup) && isComplete(backup)) this.#isNewest(backup);
		}
	}

	/** Notes a backup as the newest of its name in its folder, if it is. */
	#isNewest({ folder, manifest: { name, startedAt } }: ListedBackup): boolean {
		const pointer = latestKey(folder, name);
		if (startedAt < (this.#newest.get(pointer) ?? '')) return false;
		this.#newest.set(pointer, startedAt);
		return true;
	}

	#notePointer(backup: ListedBackup): void {
		if (!isPointedAt(backup) || !this.#isNewest(backup)) return;
		this.#pointers.set(latestKey(backup.folder, backup.manifest.name), this.#keyOf(backup));
	}

	/** Once, and not after each copy. Nothing finds a backup by a pointer, so one that cannot be set is a warning. */
	async #setPointers(): Promise<void> {
		await inParallel(this.#pointers, POINTERS, async ([pointer, key]) => {
			await this.options.target.setLatest(pointer, key).catch((error: unknown) => {
				this.#warnings.push(`The pointer ${pointer} could not be set at the target: ${messageOf(error)}`);
			});
		});
	}

	#keyOf({ key, manifest }: ListedBackup): string {
		return targetKeyOf(key, manifest, this.#onTheWay);
	}

	#rowOf(backup: ListedBackup, action: PlannedCopy['action'] | 'wouldBeCopied', isNeeded: boolean): CopyRow {
		const row = { backup, targetKey: this.#keyOf(backup), isNeeded, byServer: false };
		if (action === 'wouldBeCopied' || action.type === 'copy') return { ...row, outcome: 'wouldBeCopied' };
		if (action.type === 'skip') return { ...row, outcome: 'skipped', why: action.why };
		return { ...row, outcome: action.type === 'fail' ? 'failed' : 'conflict', error: action.error };
	}

	async #note(before: Map<string, string>, from: Side, to: Side): Promise<void> {
		const { target, now = new Date(), signal } = this.options;
		const atTarget = new Set(to.byId.keys());
		for (const { backup, outcome } of this.#rows) if (outcome === 'copied') atTarget.add(backup.manifest.id);
		try {
			await noteCopied(target, before, { atSource: from.byId.keys(), atTarget }, now, signal);
		} catch (error) {
			throwIfCancelled(signal);
			this.#warnings.push(
				`What was copied could not be noted at the target, so the next run may bring back what retention removes there: ${messageOf(error)}`,
			);
		}
	}
}

/** What the pointer of its name may lead to: whole backups, and not their weekly copies. */
function isPointedAt({ folder, manifest: { partial, checkpoint } }: ListedBackup): boolean {
	return !partial && !checkpoint && weekOfFolder(folder) === undefined;
}

/** What stands in a folder before a restore writes there, in the places of the entries. */
import type { BigIntStats } from 'node:fs';
import * as fs from 'node:fs/promises';

import type { TreeEntry } from '../entry';
import { bytesOf } from '../name';
import type { Existing, Found } from '../target';
import { ExactNames } from './exact';
import { hashOf } from './hash';
import type { HeldFolders } from './held';
import { folderOf } from './held-folder';
import { partialName } from './partial';
import { pathOf } from './path';
import { namesFallTogether } from './target-errors';
import type { TargetFolders } from './target-folders';
import { isErrno } from './walk';

/** Times are kept in nanoseconds and set in floating-point seconds. */
const TIME_TOLERANCE = 2000n;
const SECOND = 1_000_000_000n;

/** Those of one folder come nearly together. */
const MOST_FORMS = 200_000;

export class Standing {
	readonly #root: Buffer;
	readonly #existing: Existing;
	readonly #held: HeldFolders;
	readonly #folders: TargetFolders;
	/** Before anything is written: a folder that was not there, in which nothing need be looked for. */
	#missing: string | undefined;
	/** Whether nothing was there at all, once that was asked. */
	#isEmpty: Promise<boolean> | undefined;
	#isWriting = false;
	readonly #exact: ExactNames;
	/** Where something may be overwritten: names at which nothing was, of what is being written. */
	readonly #free = new Set<string>();
	/** Where the file system takes two names for one: what entries have met, in one form of all. */
	readonly #forms = new Set<string>();
	#begunAt = 0n;

	constructor(root: Buffer, existing: Existing, held: HeldFolders, folders: TargetFolders) {
		this.#exact = new ExactNames(held);
		this.#root = root;
		this.#existing = existing;
		this.#held = held;
		this.#folders = folders;
	}

	/** To be called before anything is written: what was not there may be there from now on. */
	begin(): void {
		this.#isWriting = true;
	}

	/**
	 * Whether nothing was there when it was looked last: then nothing is to be overwritten, for what is there by now has come since, or is
	 * of an entry whose name the file system takes for the same. To be asked once.
	 */
	takeFree(name: string): boolean {
		return this.#free.delete(name);
	}

	/** Whether what is there may have another name, on a file system that takes two for one. */
	async hasOtherForms(name: string): Promise<boolean> {
		return await this.#exact.hasOtherForms(name);
	}

	/** To be called when the folder is there: what is changed from now on was written by this restore. By the file system's own clock. */
	async noteTime(): Promise<void> {
		if (this.#existing !== 'overwrite') return;
		const file = pathOf(this.#root, partialName());
		try {
			await fs.writeFile(file, '', { flag: 'wx' });
			this.#begunAt = (await fs.lstat(file, { bigint: true })).ctimeNs;
		} catch {
			// Only what is in it may be written. Our own clock has to do.
			this.#begunAt = BigInt(Date.now()) * 1_000_000n;
		}
		await fs.rm(file, { force: true }).catch(() => {});
	}

	/** To be called when folders may have gone. */
	forget(): void {
		this.#exact.forget();
	}

	/** @throws BackupError, and what the file system answers */
	at(entry: TreeEntry): Promise<Found> | Found {
		return this.#isCertainlyFree(entry) ? 'nothing' : this.#lookAt(entry);
	}

	async #lookAt(entry: TreeEntry): Promise<Found> {
		try {
			if (!this.#isWriting && (await (this.#isEmpty ??= this.#findsNothing()))) return 'nothing';
			const missing = await this.#folders.firstMissing(entry.name);
			if (missing !== undefined) {
				if (!this.#isWriting) this.#missing = missing;
				return this.#nothing(entry);
			}
			const stat = await this.#lstat(entry.name);
			// A folder that is there is taken as it is, and gets its mode and its time at the end.
			if (entry.type === 'directory' && stat.isDirectory()) {
				this.#folders.remember(entry.name);
				return 'nothing';
			}
			if (this.#existing === 'overwrite') await this.#assertOwn(entry.name, stat);
			return (await this.#isSame(entry, stat)) ? 'same' : 'other';
		} catch (error) {
			if (isErrno(error) && error.code === 'ENOENT') return this.#nothing(entry);
			throw error;
		}
	}

	/**
	 * That what is to be overwritten is not another entry of the backup. Each of them comes once: what was written since the restore
	 * began has another name, and so has what is there for one that came before.
	 * @throws BackupError TARGET_EXISTS
	 */
	async #assertOwn(name: string, { ctimeNs }: BigIntStats): Promise<void> {
		if (!(await this.hasOtherForms(name))) return;
		const form = name.normalize('NFC').toLowerCase();
		if (ctimeNs >= this.#begunAt || this.#forms.has(form)) throw namesFallTogether(name);
		if (this.#forms.size >= MOST_FORMS) this.#forms.clear();
		this.#forms.add(form);
	}

	#nothing({ name, type }: TreeEntry): 'nothing' {
		if (this.#existing === 'overwrite' && type !== 'directory') this.#free.add(name);
		return 'nothing';
	}

	/** Whether there is nothing at all before anything is written. */
	async #findsNothing(): Promise<boolean> {
		const isEmpty = await isUsed(this.#root).then(
			(isInUse) => !isInUse,
			(error: unknown) => isErrno(error) && error.code === 'ENOENT',
		);
		if (isEmpty) this.#missing = '';
		return isEmpty;
	}

	/**
	 * Whether nothing can be there without a look. In a folder that this restore has made only what somebody else made since can be,
	 * or what an entry of another name made on a file system for which both are the same: that is found when the entry gets its
	 * name, which fails where it is taken. Where something may be skipped or overwritten, it is to be told.
	 */
	#isCertainlyFree({ name }: TreeEntry): boolean {
		if (!this.#isWriting) return this.#missing !== undefined && name.startsWith(this.#missing);
		return this.#existing === 'fail' && this.#folders.hasMade(folderOf(name));
	}

	async #isSame(entry: TreeEntry, stat: BigIntStats): Promise<boolean> {
		const { name, type, size, modified, target = '', sha256 } = entry;
		if (type === 'directory') return false;
		if (type === 'symlink') {
			if (!stat.isSymbolicLink()) return false;
			const found = await this.#held.hold(folderOf(name), (folder) =>
				fs.readlink(folder.at(name), { encoding: 'buffer' }),
			);
			return found.equals(bytesOf(target));
		}
		if (!stat.isFile()) return false;
		if (type === 'link') {
			const other = await this.#lstat(target).catch(() => undefined);
			return other?.ino === stat.ino && other.dev === stat.dev;
		}
		if (Number(stat.size) !== size) return false;
		const difference = stat.mtimeNs > modified ? stat.mtimeNs - modified : modified - stat.mtimeNs;
		// Whoever overwrites wants the content of the backup, whatever a time says of it.
		if (difference < TIME_TOLERANCE && this.#existing !== 'overwrite') return true;
		// A file system may keep whole seconds, FAT every second one: then the content tells.
		const isCut = stat.mtimeNs % SECOND === 0n && difference < 2n * SECOND;
		if (sha256 === undefined || (difference >= TIME_TOLERANCE && !isCut)) return false;
		return (await this.#held.hold(folderOf(name), (folder) => hashOf(folder.at(name)))) === sha256;
	}

	async #lstat(name: string): Promise<BigIntStats> {
		return await this.#held.hold(folderOf(name), (folder) => fs.lstat(folder.at(name), { bigint: true }));
	}
}

/** Whether anything is in a folder. */
export async function isUsed(folder: Buffer): Promise<boolean> {
	const entries = await fs.opendir(folder);
	try {
		return (await entries.read()) !== null;
	} finally {
		await entries.close();
	}
}

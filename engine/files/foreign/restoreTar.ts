/**
 * Restores what tar, or a program like it, has packed. The file is read twice. The first time nothing is written (survey.ts): it is
 * proved to be readable to its end, every name is judged, and the target asked what it has. The second time its files are written as
 * they stream by, each only under a name of its own until its content was that of the first reading: a storage may have become
 * another one. Links are made when all files are there. In memory are folders and links, small files that are being written, and
 * some forty bytes of each member.
 */
import { hash } from 'node:crypto';

import type { ByteCursor } from '../../archive/cursor';
import { BackupError, cancelled, throwIfCancelled } from '../../errors';
import { Jobs } from '../../parallel';
import type { TarMember } from '../../tar';
import {
	type EntryFacts,
	type Existing,
	Placement,
	type RestoredTree,
	Selection,
	type SelectionChoices,
} from '../../tree';
import { FilesTarget, type ForbiddenPaths, type Hole } from '../../tree/folder';
import { assertConfirmed } from '../confirmed';
import { fileContent, storedContent } from './content';
import { foreignMember } from './member';
import { type ForeignTar, walkForeign } from './open';
import { type Survey, surveyTar } from './survey';

/** Up to so many bytes a file's content is read whole, so that many of them are written at once. */
const SMALL_BYTES = 1024 * 1024;
/** As many as go to the disk together. */
const WRITTEN_AT_ONCE = 256;
const WAITING_BYTES = 32 * 1024 * 1024;

export interface RestoreTarOptions {
	tar: ForeignTar;
	/** Absolute. Made where it does not exist. */
	root: string;
	choices?: SelectionChoices;
	existing: Existing;
	/** For `overwrite`: the path of the folder once more, for what is there goes. */
	confirmation?: string;
	/** Whether owners and the bits that run a program as its owner are restored; only root can. */
	owners?: boolean;
	forbidden?: ForbiddenPaths | undefined;
	signal?: AbortSignal;
	/** From the first byte that is written on. */
	onProgress?: (progress: { bytes: number; totalBytes: number }) => void;
}

export interface RestoredTar extends RestoredTree {
	/** What was left out, and why; what there is to say of the choice. */
	warnings: string[];
}

/** @throws BackupError NOT_CONFIRMED, and as walkForeign, surveyTar and FilesTarget do. Files that were written before stay, whole. */
export async function restoreTar(options: RestoreTarOptions): Promise<RestoredTar> {
	const { tar, root, choices, existing, confirmation, owners = false, forbidden } = options;
	const signal = options.signal ?? new AbortController().signal;
	assertConfirmed(root, existing, confirmation);
	const target = new FilesTarget({ root, existing, owners, forbidden, isDurable: true });
	try {
		throwIfCancelled(signal);
		const selection = new Selection(choices);
		const survey = await surveyTar({ tar, target, selection, existing, signal });
		const restored = await writeTar(options, survey, target, signal);
		return { ...restored, warnings: [...survey.leftOut.warnings, ...selection.warnings] };
	} catch (error) {
		throw signal.aborted ? cancelled() : error;
	} finally {
		await target.close();
	}
}

/** The second reading, which writes what the first has found. @throws BackupError as restoreTar does */
export async function writeTar(
	options: Pick<RestoreTarOptions, 'tar' | 'existing' | 'onProgress'>,
	survey: Survey,
	target: FilesTarget,
	signal: AbortSignal,
): Promise<RestoredTree> {
	await target.prepare({ bytes: survey.room });
	return await new TarRestore(options, survey, target, signal).run();
}

class TarRestore {
	readonly #tar: ForeignTar;
	readonly #onProgress: RestoreTarOptions['onProgress'];
	readonly #survey: Survey;
	readonly #target: FilesTarget;
	readonly #signal: AbortSignal;
	readonly #placement: Placement;
	readonly #writes = new Jobs(WRITTEN_AT_ONCE, WAITING_BYTES);
	/** Files that hard links lead to, and those of them that were skipped. */
	readonly #linked: ReadonlySet<string>;
	readonly #skippedLinked = new Set<string>();
	#ordinal = 0;
	#doneBytes = 0;

	constructor(
		{ tar, existing, onProgress }: Pick<RestoreTarOptions, 'tar' | 'existing' | 'onProgress'>,
		survey: Survey,
		target: FilesTarget,
		signal: AbortSignal,
	) {
		this.#tar = tar;
		this.#onProgress = onProgress;
		this.#survey = survey;
		this.#target = target;
		this.#signal = signal;
		this.#placement = new Placement(target, existing, signal);
		this.#linked = new Set(survey.links.filter(({ type }) => type === 'link').map(({ target: of = '' }) => of));
	}

	async run(): Promise<RestoredTree> {
		const { directories, links, entries, records } = this.#survey;
		for (const directory of directories) await this.#make(directory);
		if (entries > directories.length + links.length) {
			try {
				await walkForeign(this.#tar, async (member, cursor) => await this.#member(member, cursor), this.#signal);
				if (this.#ordinal !== records.count) throw anotherFile(this.#tar.name);
				await this.#writes.end();
			} finally {
				await this.#writes.settle();
			}
		}
		for (const link of links) {
			// The file that it leads to was left as it is, with other content.
			if (link.type === 'link' && this.#skippedLinked.has(link.target ?? '')) this.#placement.skip(link);
			else await this.#make(link);
		}
		for (const directory of directories.toReversed()) await this.#target.finishDirectory(directory, this.#signal);
		return this.#placement.result;
	}

	async #make(entry: EntryFacts): Promise<void> {
		throwIfCancelled(this.#signal);
		if (!(await this.#placement.isToBeWritten(entry))) return;
		await this.#target.make(entry, this.#signal);
		this.#placement.wrote(0);
	}

	async #member(member: TarMember, cursor: ByteCursor): Promise<void> {
		const { records, standIns } = this.#survey;
		const { facts } = foreignMember(member);
		const ordinal = this.#ordinal++;
		if (!records.hasFacts(ordinal, facts)) throw anotherFile(this.#tar.name);
		if (facts?.type !== 'file') return;
		const name = records.isWanted(ordinal) ? facts.name : standIns.get(ordinal);
		if (name === undefined) return;
		const entry = { ...facts, name };
		this.#target.accept(entry);
		const onSkip = () => void (this.#linked.has(name) && this.#skippedLinked.add(name));
		if (await this.#placement.isToBeWritten(entry, onSkip)) await this.#file(entry, ordinal, member, cursor);
		this.#doneBytes += member.storedSize;
		this.#onProgress?.({ bytes: this.#doneBytes, totalBytes: this.#survey.bytes });
	}

	async #file(entry: EntryFacts, ordinal: number, member: TarMember, cursor: ByteCursor): Promise<void> {
		if (member.storedSize > SMALL_BYTES || member.runs) {
			return await this.#write(entry, fileContent(this.#checked(storedContent(cursor, member), ordinal), member));
		}
		const bytes = await cursor.take(member.storedSize);
		if (!this.#survey.records.hasContent(ordinal, this.#survey.records.digest().update(bytes)))
			throw anotherFile(this.#tar.name);
		await this.#writes.add(async () => await this.#writeWhole(entry, bytes), bytes.length);
	}

	async #write(entry: EntryFacts, content: AsyncIterable<Uint8Array | Hole>): Promise<void> {
		await this.#target.writeFile(entry, content, this.#signal);
		this.#placement.wrote(entry.size);
	}

	async #writeWhole(entry: EntryFacts, bytes: Uint8Array): Promise<void> {
		const sha256 = hash('sha256', bytes, 'hex');
		if (!(await this.#target.writeWhole({ ...entry, sha256 }, bytes, this.#signal))) throw anotherFile(this.#tar.name);
		this.#placement.wrote(entry.size);
	}

	/** Ends with an error where the content is not that of the first reading. */
	async *#checked(content: AsyncIterable<Uint8Array>, ordinal: number): AsyncGenerator<Uint8Array> {
		const digest = this.#survey.records.digest();
		for await (const piece of content) {
			digest.update(piece);
			yield piece;
		}
		if (!this.#survey.records.hasContent(ordinal, digest)) throw anotherFile(this.#tar.name);
	}
}

export function anotherFile(name: string): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The tar ${name} became another one while it was read.`, {
		hint: 'Something writes to it. Wait until it is complete, then run the restore again; it goes on where it was.',
	});
}

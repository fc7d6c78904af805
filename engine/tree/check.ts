/**
 * Checks the archive of a set while it streams by: the tar to its end, and each chunk of the index against the members that
 * stand before it. The hashes of members wait for their chunk, of which there is one after some thousand entries, so memory
 * does not grow with the set.
 */
import { createHash } from 'node:crypto';

import type { Manifest } from '../archive';
import { ByteCursor, EndedEarly } from '../archive/cursor';
import { BackupError } from '../errors';
import { paddedSize, TarDamage, walkTar } from '../tar';
import type { TreeEntry } from './entry';
import { LARGEST_CHUNK, parseChunk } from './index-chunk';
import { LinkedNames } from './linked-names';
import { compareNames, shownName } from './name';
import { knownArchives } from './read-index';

/** What a check has found in an archive. */
export interface CheckedTree {
	/** Entries of the index, by type, and the bytes of all files. */
	files: number;
	directories: number;
	symlinks: number;
	links: number;
	bytes: number;
}

/** More than a chunk has entries: members that no index names are reported, and their hashes given up. */
const MOST_WAITING = 100_000;

/**
 * @param raw the tar
 * @param found called for each problem; only the first hundred or so need be kept
 * @param accept throws a BackupError for an entry that no restore would take, as TreeTarget.accept does
 * @throws BackupError ARCHIVE_CORRUPT where the tar or the index cannot be read; what the stream throws
 */
export async function checkTree(
	raw: AsyncIterable<Uint8Array>,
	manifest: Manifest,
	found: (message: string) => void,
	accept?: (entry: TreeEntry) => void,
): Promise<CheckedTree> {
	const cursor = new ByteCursor(raw);
	const check = new TreeCheck(manifest, found, accept);
	const index = indexParts(manifest);
	try {
		await walkTar(
			cursor,
			async (member, content) => {
				const size = member.end - content.position;
				const part = index.get(member.headerOffset);
				if (part) {
					const isAlone = content.position === member.headerOffset + BLOCK && BLOCK + paddedSize(size) === part.length;
					if (!isAlone || member.type !== 'file') throw notAlone(manifest.file);
					if (size > LARGEST_CHUNK) throw tooLarge(manifest.file);
					check.chunk(part.type, await content.take(size));
				} else if (member.type === 'file') {
					const offset = content.position;
					const digest = createHash('sha256');
					for await (const piece of content.pass(size)) digest.update(piece);
					check.member(offset, { size, sha256: digest.digest('hex') });
				}
			},
			{ dialect: 'any' },
		);
	} catch (error) {
		if (error instanceof TarDamage || error instanceof EndedEarly) throw notATar(manifest.file, error);
		throw error;
	}
	return check.finish(index.size);
}

/** The header of a chunk of the index. */
const BLOCK = 512;

type IndexPart = 'index' | 'index-before';

/**
 * The parts that a restore reads as the index, by their offset in the tar. It is they that count, not the names of members: a set
 * may itself hold what was unpacked of another backup, index and all.
 */
function indexParts({ parts }: Manifest): ReadonlyMap<number, { type: IndexPart; length: number }> {
	const found = new Map<number, { type: IndexPart; length: number }>();
	let offset = 0;
	for (const { type, rawLength } of parts) {
		if (type === 'index' || type === 'index-before') found.set(offset, { type, length: rawLength });
		offset += rawLength;
	}
	return found;
}

class TreeCheck {
	readonly #manifest: Manifest;
	readonly #found: (message: string) => void;
	readonly #accept: (entry: TreeEntry) => void;
	readonly #known: ReadonlySet<string>;
	/** Members that no chunk has named yet, by the offset of their content. */
	readonly #waiting = new Map<number, { size: number; sha256: string }>();
	readonly #counts: CheckedTree = { files: 0, directories: 0, symlinks: 0, links: 0, bytes: 0 };
	/** Names in order: own chunks, and copied ones, which are read before them. */
	#lastOwn: string | undefined;
	#firstOwn: string | undefined;
	#lastCopied: string | undefined;
	#chunks = 0;
	/** Files that links may lead to, and what links do lead to. */
	readonly #linked = new LinkedNames();
	readonly #targets = new LinkedNames();

	constructor(manifest: Manifest, found: (message: string) => void, accept: (entry: TreeEntry) => void = () => {}) {
		this.#manifest = manifest;
		this.#found = found;
		this.#accept = accept;
		this.#known = knownArchives(manifest);
	}

	member(offset: number, facts: { size: number; sha256: string }): void {
		if (this.#waiting.size < MOST_WAITING) this.#waiting.set(offset, facts);
	}

	chunk(part: IndexPart, content: Uint8Array): void {
		this.#chunks++;
		if (part === 'index-before') return this.#copied(content);
		for (const entry of parseChunk(content, this.#manifest.file)) {
			this.#firstOwn ??= entry.name;
			this.#assertOrder(this.#lastOwn, entry);
			this.#lastOwn = entry.name;
			this.#entry(entry);
		}
		// A member that the index does not name was read again by the back up, for it changed meanwhile.
		this.#waiting.clear();
	}

	#copied(content: Uint8Array): void {
		for (const entry of parseChunk(content, this.#manifest.file)) {
			this.#assertOrder(this.#lastCopied, entry);
			this.#lastCopied = entry.name;
			this.#entry(entry);
		}
	}

	/** @param chunks how many the manifest has */
	finish(chunks: number): CheckedTree {
		if (this.#chunks !== chunks) this.#found(`${chunks - this.#chunks} parts of the index are no members of the tar.`);
		const { counts, checkpoint } = this.#manifest;
		if (this.#lastCopied !== undefined && this.#firstOwn !== undefined) {
			if (compareNames(this.#lastCopied, this.#firstOwn) >= 0) this.#found('The index is not in order.');
		}
		// Its links may lead to files of the checkpoints before it, and it counts nothing.
		if (checkpoint) return this.#counts;
		for (const target of this.#targets.keys()) {
			if (!this.#linked.has(target))
				this.#found(`Hard links lead to ${shownName(target)}, which is no file of the backup.`);
		}
		for (const key of ['files', 'directories', 'symlinks', 'links', 'bytes'] as const) {
			const stated = counts[key] ?? 0;
			if (stated === this.#counts[key]) continue;
			this.#found(`The manifest counts ${stated} ${key}, and the index holds ${this.#counts[key]}.`);
		}
		return this.#counts;
	}

	#entry(entry: TreeEntry): void {
		const { name, type, size, sha256, content, linked, target } = entry;
		this.#assertAccepted(entry);
		if (linked) this.#linked.add(name);
		if (type === 'link' && target !== undefined) this.#targets.add(target);
		if (type === 'file') this.#counts.files++;
		else if (type === 'directory') this.#counts.directories++;
		else if (type === 'symlink') this.#counts.symlinks++;
		else this.#counts.links++;
		this.#counts.bytes += size;
		if (!content) return;
		if (!this.#known.has(content.archive)) {
			this.#found(`The index looks for ${shownName(name)} in an archive that the backup does not name.`);
		}
		if (content.archive !== this.#manifest.id) return;
		const member = this.#waiting.get(content.offset);
		if (!member) this.#found(`The archive does not hold ${shownName(name)} where the index says.`);
		else if (member.size !== size || member.sha256 !== sha256) {
			this.#found(`The content of ${shownName(name)} is not what was stored.`);
		}
	}

	#assertAccepted(entry: TreeEntry): void {
		try {
			this.#accept(entry);
		} catch (error) {
			if (!(error instanceof BackupError)) throw error;
			this.#found(error.message);
		}
	}

	#assertOrder(last: string | undefined, { name }: TreeEntry): void {
		if (last !== undefined && compareNames(last, name) >= 0)
			this.#found(`The index is not in order at ${shownName(name)}.`);
	}
}

function notAlone(file: string): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `A part of the index of ${file} is not one member of the tar.`, {
		hint: 'Choose another backup, or a copy of this one.',
	});
}

function tooLarge(file: string): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `A part of the index of ${file} has more than 16 MiB.`, {
		hint: 'Choose another backup, or a copy of this one.',
	});
}

function notATar(file: string, cause: Error): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The tar in ${file} ${cause.message}.`, {
		cause,
		hint: 'Choose another backup, or a copy of this one.',
	});
}

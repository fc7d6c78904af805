/** Which entries of a set are meant: of those that a backup holds, or that one is to hold. */
import { Minimatch } from 'minimatch';

import { BackupError } from '../errors';

export interface SelectionChoices {
	/** What names begin with: `documents/2026/`. */
	prefix?: string;
	/** One entry; of a folder, with or without the slash at its end, also all that is in it. */
	name?: string | undefined;
	/**
	 * Globs, of which a name must match one; without any, all do. `*` stands for anything but a slash, `**` for folders of any depth.
	 * A glob without a slash is compared with the last part of a name: `*.pdf`.
	 */
	include?: readonly string[];
	/** Globs of names that are left out, with everything below a folder that matches. */
	exclude?: readonly string[];
}

const MAX_GLOBS = 1000;
const MAX_GLOB_LENGTH = 4096;

export class Selection {
	readonly #prefix: string;
	readonly #name: string | undefined;
	readonly #include: readonly Minimatch[];
	readonly #exclude: readonly Minimatch[];
	/** The folder that was looked at last, and whether it is left out: entries of one folder come together. */
	#folder = { name: '', isOut: false };

	/** @throws BackupError INVALID_INPUT for a glob that cannot be one */
	constructor({ prefix = '', name, include = [], exclude = [] }: SelectionChoices = {}) {
		this.#prefix = prefix;
		this.#name = name === undefined ? undefined : withoutSlash(name);
		this.#include = globsOf(include);
		this.#exclude = globsOf(exclude);
	}

	/** Whether it takes everything. */
	get isWhole(): boolean {
		const { length } = [...this.#include, ...this.#exclude];
		return this.#prefix === '' && this.#name === undefined && length === 0;
	}

	/** @param name that of a directory with the slash at its end */
	takes(name: string): boolean {
		if (!name.startsWith(this.#prefix) || this.isExcluded(name)) return false;
		const bare = withoutSlash(name);
		if (this.#name !== undefined && bare !== this.#name && !bare.startsWith(`${this.#name}/`)) return false;
		return this.#include.length === 0 || this.#include.some((glob) => glob.match(bare));
	}

	/** Whether an entry, or a folder that it is in, is left out; then so is all that is below it. */
	isExcluded(name: string): boolean {
		if (this.#exclude.length === 0) return false;
		const bare = withoutSlash(name);
		return this.#isFolderOut(folderOf(bare)) || this.#exclude.some((glob) => glob.match(bare));
	}

	#isFolderOut(folder: string): boolean {
		if (folder === '') return false;
		if (this.#folder.name === folder) return this.#folder.isOut;
		const isOut = this.#exclude.some((glob) => glob.match(folder)) || this.#isFolderOut(folderOf(folder));
		this.#folder = { name: folder, isOut };
		return isOut;
	}
}

function withoutSlash(name: string): string {
	return name.endsWith('/') ? name.slice(0, -1) : name;
}

function folderOf(name: string): string {
	return name.slice(0, Math.max(0, name.lastIndexOf('/')));
}

function globsOf(globs: readonly string[]): Minimatch[] {
	if (globs.length > MAX_GLOBS)
		throw unusable(`There are ${globs.length} patterns, and at most ${MAX_GLOBS} can be used.`);
	return globs.map((glob) => {
		const trimmed = glob.replace(/^\/+/, '').replace(/\/+$/, '');
		if (trimmed === '') throw unusable(`The pattern ${JSON.stringify(glob)} is empty.`);
		if (trimmed.length > MAX_GLOB_LENGTH) throw unusable('A pattern is longer than 4096 characters.');
		const options = { dot: true, matchBase: true, nonegate: true, nocomment: true, platform: 'linux' } as const;
		return new Minimatch(trimmed, options);
	});
}

function unusable(message: string): BackupError {
	return new BackupError('INVALID_INPUT', message, {
		hint: 'Patterns are written like documents/**/*.pdf: * stands for anything but a slash, ** for folders of any depth.',
	});
}

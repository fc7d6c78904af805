/** Which entries of a set are meant: of those that a backup holds, or that one is to hold. */
import { Minimatch } from 'minimatch';

import { BackupError, listed } from '../errors';

export interface SelectionChoices {
	/** What names begin with: `documents/2026/`. */
	prefix?: string;
	/** One entry; of a folder, with or without the slash at its end, also all that is in it. */
	name?: string | undefined;
	/** One entry and no other, such as an object beside those whose keys go on after a slash: `a` of `a` and `a/b`. */
	exactly?: string | undefined;
	/**
	 * Globs, of which a name must match one; without any, all do. `*` stands for anything but a slash, `**` for folders of any depth.
	 * A glob without a slash is compared with the last part of a name: `*.pdf`. One that ends with a slash means all that is in such a
	 * folder, as `**` behind it does. Keys of objects may be no paths (`a/../b`, `a//b`, `/a`): each part of them is a name like others.
	 */
	include?: readonly string[];
	/** Globs of names that are left out, with everything below a folder that matches. */
	exclude?: readonly string[];
}

const MAX_GLOBS = 1000;
const MAX_GLOB_LENGTH = 4096;
const OPTIONS = {
	dot: true,
	matchBase: true,
	nonegate: true,
	nocomment: true,
	platform: 'linux',
	preserveMultipleSlashes: true,
} as const;
const DOTS = /(?:^|\/)\.\.?(?:\/|$)/;
/** Stands for a dot in such a part. It is of the characters that are nobody's (Unicode, private use). */
const DOT = '\uE000';

/** Which entries are meant, by their names. */
export interface EntrySelection {
	/** Whether it takes everything that it may take: then it is no mistake where that is nothing. */
	readonly isWhole: boolean;
	takes(name: string): boolean;
}

export class Selection implements EntrySelection {
	readonly #prefix: string;
	readonly #name: string | undefined;
	readonly #exactly: string | undefined;
	readonly #include: readonly Minimatch[];
	readonly #exclude: readonly Minimatch[];
	/** The globs of `include` that have fitted no file until now, as they were given. */
	#missed: readonly { given: string; globs: readonly Minimatch[] }[];
	/** The folder that was looked at last, and whether it is left out: entries of one folder come together. */
	#folder = { name: '', isOut: false };

	/** @throws BackupError INVALID_INPUT for a glob that cannot be one */
	constructor({ prefix = '', name, exactly, include = [], exclude = [] }: SelectionChoices = {}) {
		this.#prefix = prefix;
		this.#name = name === undefined ? undefined : withoutSlash(name);
		this.#exactly = exactly;
		this.#include = globsOf(include, inFolder);
		this.#missed = include.map((given) => ({ given, globs: globsOf([given], inFolder) }));
		this.#exclude = globsOf(exclude, (bare) => bare);
	}

	/** Whether it takes everything. */
	get isWhole(): boolean {
		const { length } = [...this.#include, ...this.#exclude];
		return this.#prefix === '' && this.#name === undefined && this.#exactly === undefined && length === 0;
	}

	/** @param name that of a directory with the slash at its end */
	takes(name: string): boolean {
		if (!name.startsWith(this.#prefix) || this.isExcluded(name)) return false;
		if (this.#exactly !== undefined && name !== this.#exactly) return false;
		const bare = withoutSlash(name);
		if (this.#name !== undefined && bare !== this.#name && !bare.startsWith(`${this.#name}/`)) return false;
		if (this.#include.length === 0) return true;
		const isFile = bare === name;
		if (isFile && this.#missed.length > 0) this.#missed = this.#missed.filter(({ globs }) => !fitsOne(bare, globs));
		return fitsOne(bare, this.#include);
	}

	/**
	 * What to tell when all names were asked for: a glob that fitted none of them but folders is mistyped, maybe, and what it was to
	 * mean is missing.
	 */
	get warnings(): string[] {
		if (this.#missed.length === 0) return [];
		const shown = listed(this.#missed.map(({ given }) => given));
		return [
			`Nothing fits the ${this.#missed.length === 1 ? 'pattern' : 'patterns'} ${shown}. What is in a folder is meant by a slash at the end of its pattern.`,
		];
	}

	/** Whether an entry, or a folder that it is in, is left out; then so is all that is below it. */
	isExcluded(name: string): boolean {
		if (this.#exclude.length === 0) return false;
		const bare = withoutSlash(name);
		return this.#isFolderOut(folderOf(bare)) || fitsOne(bare, this.#exclude);
	}

	#isFolderOut(folder: string): boolean {
		if (folder === '') return false;
		if (this.#folder.name === folder) return this.#folder.isOut;
		const isOut = fitsOne(folder, this.#exclude) || this.#isFolderOut(folderOf(folder));
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

/** What a glob means of which the slash at its end was cut off: what is in the folder, of any depth as it is itself. */
function inFolder(bare: string, glob: string): string {
	if (!glob.endsWith('/')) return bare;
	return bare.includes('/') ? `${bare}/**` : `**/${bare}/**`;
}

function globsOf(globs: readonly string[], meaning: (bare: string, glob: string) => string): Minimatch[] {
	if (globs.length > MAX_GLOBS)
		throw unusable(`There are ${globs.length} patterns, and at most ${MAX_GLOBS} can be used.`);
	return globs.flatMap((glob) => {
		const whole = glob.replace(/\/+$/, '');
		// Shells write `./a` for `a`; but keys may begin so, too.
		const trimmed = whole.replace(/^(\.?\/+)+/, '');
		if (trimmed === '') throw unusable(`The pattern ${JSON.stringify(glob)} is empty.`);
		if (trimmed.length > MAX_GLOB_LENGTH) throw unusable('A pattern is longer than 4096 characters.');
		return [...new Set([trimmed, whole])].map((bare) => new Minimatch(asNames(meaning(bare, glob)), OPTIONS));
	});
}

function fitsOne(bare: string, globs: readonly Minimatch[]): boolean {
	const name = asNames(bare);
	return globs.some((glob) => glob.match(name));
}

/** A key's parts `.` and `..` are names like others; for minimatch they are folders, which no wildcard stands for. */
function asNames(path: string): string {
	if (!DOTS.test(path)) return path;
	return path
		.split('/')
		.map((part) => (part === '.' || part === '..' ? DOT.repeat(part.length) : part))
		.join('/');
}

function unusable(message: string): BackupError {
	return new BackupError('INVALID_INPUT', message, {
		hint: 'Patterns are written like documents/**/*.pdf: * stands for anything but a slash, ** for folders of any depth.',
	});
}

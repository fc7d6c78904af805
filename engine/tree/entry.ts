/**
 * Entries: what a set is made of, a folder's files or a bucket's objects. An entry is one line of JSON in the index of a
 * backup. Lines are read from storages that may be hostile, a million of them in one restore, so they are checked by hand
 * here: a schema library takes several times as long.
 */
import { BackupError } from '../errors';

/** `link` is a hard link: another name of a file that comes earlier in the set. */
export const ENTRY_TYPES = ['file', 'directory', 'symlink', 'link'] as const;
export type EntryType = (typeof ENTRY_TYPES)[number];

/** As many files that hard links lead to may be in one set, for their names are held in memory; more are stored as files of their own. */
export const MOST_LINKED = 100_000;

/** What there is to know of an entry without its content. */
export interface EntryFacts {
	/**
	 * See name.ts. That of a directory ends with a slash, so that it stands right before what is in it.
	 */
	name: string;
	type: EntryType;
	/** Bytes of the content; 0 for what is not a file. */
	size: number;
	/** Nanoseconds since 1970. */
	modified: bigint;
	/** Permission bits; undefined where the source has none, as S3. */
	mode?: number;
	uid?: number;
	gid?: number;
	user?: string;
	group?: string;
	/** What a symbolic link leads to, as it is stored there, or the name of the entry that has the content of a hard link. */
	target?: string;
	/** Whether the file has holes, so that a restore leaves blocks of zeros out. */
	sparse?: true;
	/** Whether hard links that come later may lead to this file. */
	linked?: true;
	/**
	 * What the source says of the entry as it is, such as time, inode and ETag: as long as that is the same, so are content and
	 * attributes. Two sources may say it in two ways, so only backups of one source are compared by it.
	 */
	state?: string;
	/** What else belongs to the entry, by the system that it is of: content type, metadata and tags of an object. */
	attributes?: Readonly<Record<string, unknown>>;
}

/** Where the content of a file lies. */
export interface ContentPlace {
	/** Id of the backup or checkpoint whose archive holds it. */
	archive: string;
	/** Where its first byte is in the tar, before compression. */
	offset: number;
	/**
	 * Whether it was stored under another name, as an object is that has become an older version since. Then it lies in the archive at the
	 * place of that name, and a reader that goes through the archive in the order of names does not come by.
	 */
	former?: true;
}

/** An entry of a backup. A file has both `sha256` and `content`; what is not a file has none. */
export interface TreeEntry extends EntryFacts {
	/** The hash of the content, in hex. */
	sha256?: string;
	content?: ContentPlace;
	/** Its content was changed while it was read, each time: it may be of no single moment. */
	changed?: true;
}

/** As much as a name, a link's target or all attributes together may take: S3 allows 1 KiB of key and 2 KiB of metadata. */
const MAX_TEXT = 64 * 1024;

/** All permission bits; the largest number of an owner that systems have. */
const MOST_MODE = 0o7777;
const MOST_ID = 2 ** 32 - 1;

/** One line of the index. @param archives ids to which the line refers by their place */
export function formatEntry(entry: TreeEntry, archives: (id: string) => number): string {
	const { type, modified, content, ...facts } = entry;
	return JSON.stringify({
		...facts,
		...(type !== 'file' && { type }),
		modified: String(modified),
		...(content && { at: [archives(content.archive), content.offset], ...(content.former && { former: true }) }),
	});
}

/** Reads one line. @throws BackupError ARCHIVE_CORRUPT @param where for the message: which index */
export function parseEntry(line: string, archives: readonly string[], where: string): TreeEntry {
	let read: unknown;
	try {
		read = JSON.parse(line);
	} catch {
		throw damaged(where, line);
	}
	const entry = entryOf(read, archives);
	if (!entry) throw damaged(where, line);
	return entry;
}

function damaged(where: string, line: string): BackupError {
	const message = `The index of ${where} has a line that cannot be read: ${shortened(line)}`;
	return new BackupError('ARCHIVE_CORRUPT', message, { hint: 'Choose another backup, or a copy of this one.' });
}

function shortened(line: string): string {
	return JSON.stringify(line.length > 100 ? `${line.slice(0, 100)}...` : line);
}

function entryOf(read: unknown, archives: readonly string[]): TreeEntry | undefined {
	if (typeof read !== 'object' || read === null || Array.isArray(read)) return undefined;
	const line = read as Record<string, unknown>;
	const { name, type = 'file', size, modified, sha256, at, former, attributes, sparse, linked, changed } = line;
	const isNamed = isText(name) && name !== '' && !name.includes('\0');
	const isTimed = typeof modified === 'string' && /^-?\d{1,20}$/.test(modified);
	if (!isNamed || !isTimed || !isType(type) || !isCount(size)) return undefined;
	const entry: TreeEntry = { name, type, size, modified: BigInt(modified) };
	if (!addNumbers(entry, line) || !addTexts(entry, line)) return undefined;
	if (sparse === true) entry.sparse = true;
	if (linked === true && type === 'file') entry.linked = true;
	if (changed === true) entry.changed = true;
	if (attributes !== undefined) {
		if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) return undefined;
		entry.attributes = attributes as Record<string, unknown>;
	}
	if (type === 'directory' && !name.endsWith('/')) return undefined;
	if (type !== 'file')
		return size === 0 && sha256 === undefined && at === undefined && hasTarget(entry) ? entry : undefined;
	const content = placeOf(at, archives);
	if (!content || typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return undefined;
	if (!Number.isSafeInteger(content.offset + size)) return undefined;
	entry.sha256 = sha256;
	entry.content = former === true ? { ...content, former } : content;
	return entry;
}

function hasTarget({ type, target }: TreeEntry): boolean {
	return (type === 'directory') === (target === undefined);
}

// One by one: with keys that change, it takes twice as long.
function addNumbers(entry: TreeEntry, { mode, uid, gid }: Record<string, unknown>): boolean {
	if (!isUpTo(MOST_MODE, mode ?? 0) || !isUpTo(MOST_ID, uid ?? 0) || !isUpTo(MOST_ID, gid ?? 0)) return false;
	if (mode !== undefined) entry.mode = mode as number;
	if (uid !== undefined) entry.uid = uid as number;
	if (gid !== undefined) entry.gid = gid as number;
	return true;
}

function addTexts(entry: TreeEntry, { user, group, target, state }: Record<string, unknown>): boolean {
	if (!isText(user ?? '') || !isText(group ?? '') || !isText(target ?? '') || !isText(state ?? '')) return false;
	if (user !== undefined) entry.user = user as string;
	if (group !== undefined) entry.group = group as string;
	if (target !== undefined) entry.target = target as string;
	if (state !== undefined) entry.state = state as string;
	return true;
}

function placeOf(at: unknown, archives: readonly string[]): ContentPlace | undefined {
	if (!Array.isArray(at) || at.length !== 2) return undefined;
	const [ordinal, offset] = at as [unknown, unknown];
	const archive = isCount(ordinal) ? archives[ordinal] : undefined;
	return archive !== undefined && isCount(offset) ? { archive, offset } : undefined;
}

function isText(value: unknown): value is string {
	return typeof value === 'string' && value.length <= MAX_TEXT;
}

function isCount(value: unknown): value is number {
	return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isUpTo(most: number, value: unknown): boolean {
	return isCount(value) && value <= most;
}

function isType(value: unknown): value is EntryType {
	return ENTRY_TYPES.includes(value as EntryType);
}

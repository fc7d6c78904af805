import { createHash } from 'node:crypto';

import { BackupError } from '../errors';
import { MANIFEST_SUFFIX, type BackupKind } from './manifest/manifest';
import type { CodecName } from './codec';

/** Bytes of UTF-8 that a name may take up: leaves room for time, extensions, `.manifest.json` and a temporary suffix in the 255 of a file name. */
const MAX_NAME_BYTES = 120;
const HASH_DIGITS = 16;

/** What no file name may hold on some system, what hides or disguises a name, and the two marks that the encoding itself uses. */
const UNSAFE = /[%~/\\<>:"|?*]|\p{Cc}|\p{Cf}|\p{Cs}|\p{Co}|\p{Zl}|\p{Zp}|(?! )\p{Zs}/gu;
/** A leading dot hides a file, a leading dash makes it an option; Windows drops trailing dots and spaces. */
const UNSAFE_EDGE = /^[.\- ]|[. ]$/g;

/** The folders of what retention keeps as copies of a week: `weekly/2026_W05`, and below. */
const WEEK_FOLDER = /^weekly\/(\d{4}_W\d{2})(?:\/|$)/;

const CODEC_EXTENSIONS: Record<CodecName, string> = { zstd: '.zst', gzip: '.gz', none: '' };

function percentEncode(character: string): string {
	const code = character.charCodeAt(0);
	// A lone surrogate has no UTF-8 form; %u keeps two of them apart (a literal % is always %25).
	if (character.length === 1 && code >= 0xd800 && code <= 0xdfff) return `%u${code.toString(16).toUpperCase()}`;
	return [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

/**
 * Maps a database's, collection's or bucket's name to a file name: letters of every script stay, what file systems
 * or shells trip over is percent-encoded. Different names give different file names; a name too long to keep is cut
 * and ends in `~` and 16 hex digits of its SHA-256.
 * @throws BackupError INVALID_INPUT for an empty name.
 */
export function safeName(name: string): string {
	if (name === '') throw new BackupError('INVALID_INPUT', 'The name of a backup is empty.');
	const encoded = name.replace(UNSAFE, percentEncode).replace(UNSAFE_EDGE, percentEncode);
	if (Buffer.byteLength(encoded) <= MAX_NAME_BYTES) return encoded;
	const digest = createHash('sha256').update(name, 'utf16le').digest('hex').slice(0, HASH_DIGITS);
	return `${cutToBytes(encoded, MAX_NAME_BYTES - HASH_DIGITS - 1)}~${digest}`;
}

function cutToBytes(text: string, limit: number): string {
	let bytes = 0;
	let end = 0;
	// Whole characters and whole escapes only.
	for (const piece of text.match(/%u[0-9A-F]{4}|%[0-9A-F]{2}|[^%]/gu) ?? []) {
		bytes += Buffer.byteLength(piece);
		if (bytes > limit) break;
		end += piece.length;
	}
	return text.slice(0, end);
}

/**
 * A moment as `YYYYMMDD_HHMMSS` on the clocks of an IANA time zone.
 * @throws BackupError INVALID_INPUT for a zone that does not exist.
 */
export function timestamp(moment: Date, timeZone = 'UTC'): string {
	const utc = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)/.exec(moment.toISOString());
	// The first use of Intl in a process loads all zones, which takes tens of milliseconds.
	if (utc && timeZone === 'UTC') return `${utc.slice(1, 4).join('')}_${utc.slice(4).join('')}`;
	let format: Intl.DateTimeFormat;
	try {
		format = new Intl.DateTimeFormat('en-US-u-ca-iso8601-nu-latn', {
			timeZone,
			hourCycle: 'h23',
			year: 'numeric',
			month: '2-digit',
			day: '2-digit',
			hour: '2-digit',
			minute: '2-digit',
			second: '2-digit',
		});
	} catch (cause) {
		throw new BackupError('INVALID_INPUT', `"${timeZone}" is not a time zone.`, {
			cause,
			hint: 'Use a name of the IANA time zone database, such as UTC or Europe/Berlin.',
		});
	}
	const parts = Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, value]));
	const { year = '', month, day, hour, minute, second } = parts;
	return `${year.padStart(4, '0')}${month}${day}_${hour}${minute}${second}`;
}

export interface ArchiveNameOptions {
	name: string;
	/** Without a leading dot: `sql`, `tar`, `globals.sql`. */
	extension: string;
	startedAt: Date;
	timeZone?: string;
	codec: CodecName;
	encrypted: boolean;
	/** 1 for the first try; 2, 3, ... where the names before it are taken. */
	attempt?: number;
}

/** `<name>_YYYYMMDD_HHMMSS[_2].<ext>[.zst|.gz][.gpg]`. Throws INVALID_INPUT. */
export function archiveFileName(options: ArchiveNameOptions): string {
	const { extension, attempt = 1 } = options;
	if (!/^[a-z0-9]+(\.[a-z0-9]+)*$/i.test(extension)) {
		throw new BackupError('INVALID_INPUT', `"${extension}" cannot end a file name.`);
	}
	const count = attempt > 1 ? `_${attempt}` : '';
	const stem = `${safeName(options.name)}_${timestamp(options.startedAt, options.timeZone)}${count}`;
	return `${stem}.${extension}${CODEC_EXTENSIONS[options.codec]}${options.encrypted ? '.gpg' : ''}`;
}

/** Whether an archive's file name was made for exactly this name (`shop_eu_...` does not belong to `shop`). */
export function isFileOf(name: string, file: string): boolean {
	const prefix = safeName(name);
	return file.startsWith(prefix) && /^_\d{8}_\d{6}(_\d+)?\./.test(file.slice(prefix.length));
}

/** The key of an object in a folder; the root for an empty folder. */
export function keyIn(folder: string, file: string): string {
	return folder === '' ? file : `${folder}/${file}`;
}

/** The folder of a key; empty for the root. */
export function folderOf(key: string): string {
	return key.slice(0, Math.max(0, key.lastIndexOf('/')));
}

/**
 * The week of a folder of weekly copies, `2020_W53`, and the folder that the originals lie in: empty where that is the usual
 * one of their kind, or the root. Undefined for every other folder.
 */
export function weekOfFolder(folder: string): { week: string; place: string } | undefined {
	const match = WEEK_FOLDER.exec(folder);
	return match?.[1] === undefined ? undefined : { week: match[1], place: folder.slice(match[0].length) };
}

/** Kinds with a folder of their own, because there are many of them and people look for the others. */
const OWN_FOLDERS: Partial<Record<BackupKind, string>> = {
	'postgres-base': 'postgres/base',
	'postgres-wal': 'postgres/wal',
};

/** The folder that backups of a kind lie in by default: `postgres`, for `postgres-globals` as well. */
export function usualFolder(kind: BackupKind): string {
	return OWN_FOLDERS[kind] ?? kind.split('-', 1).join();
}

/** Whether weekly copies leave a folder out of their place: the kind's usual one, and the root. */
export function isUsualFolder(folder: string, kind: BackupKind): boolean {
	return folder === '' || folder === usualFolder(kind);
}

/** The pointer to the newest archive of a name: `postgres/shop_latest`. */
export function latestKey(folder: string, name: string): string {
	return keyIn(folder, `${safeName(name)}_latest`);
}

/** Ends the key of a backup's record of verifications, which stands beside the archive and is deleted with it. */
export const VERIFICATION_SUFFIX = '.verification.json';

/** The folder of what this package itself keeps in a storage: the stored catalogue, retention's lock and notes. */
export const HOUSEKEEPING = '.stack-backup/';

/** The key of an archive's manifest. */
export function manifestKeyOf(archiveKey: string): string {
	return `${archiveKey}${MANIFEST_SUFFIX}`;
}

/**
 * What older versions and delete markers are called in a backup. The name of such an entry is the byte 0xFF, which no key has, for
 * keys are UTF-8; the key; a separator; its time and its version id. So:
 * - All of them come after the current objects, and are listed after those: what is overwritten while the bucket is listed becomes an older
 *   version that is still to be listed, and is not lost between the two.
 * - They are in the order of keys, in which servers list them (`a`, `a!`, `a/b`), and those of a key the oldest first.
 * - No key can be taken for one of them.
 *
 * Stock tools find them in a folder of their own, by their key and time: see memberOfVersion.
 */
import { createHash } from 'node:crypto';

import { isPath, oddName } from '../memberNames';

/** The byte 0xFF: see tree/name.ts. */
const MARK = '\udcff';
/** Comes before whatever else may follow a key: keys have no NUL, and a \x01 of theirs is followed by \x02. */
const SEPARATOR = '\u0001\u0001';

/** The folder of versions among the members of the tar. */
const VERSIONS_FOLDER = '.stack-backup-versions';

/** `20260131T020000.123000000Z_<version id>` */
const MOMENT = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)\.(\d{9})Z_/;

/**
 * @param order nanoseconds since 1970: its time, and of two of the same millisecond the newer one some nanoseconds later
 */
export function nameOfVersion(key: string, order: bigint, versionId: string): string {
	const id = /^[\w.~+=@-]{1,128}$/.test(versionId) ? versionId : createHash('sha256').update(versionId).digest('hex');
	return nameWith(key, `${momentOf(order)}_${id}`);
}

function momentOf(nanoseconds: bigint): string {
	const seconds = new Date(Number(nanoseconds / 1_000_000n)).toISOString().slice(0, 19);
	const rest = String(nanoseconds % 1_000_000_000n).padStart(9, '0');
	return `${seconds.replace(/[-:]/g, '')}.${rest}Z`;
}

export function isVersionName(name: string): boolean {
	return name.startsWith(MARK);
}

/** The key of a version, and what follows it in the name; undefined for what is no name of a version. */
export function partsOfVersion(name: string): { key: string; moment: string } | undefined {
	const end = name.indexOf(SEPARATOR);
	if (!isVersionName(name) || end < 0) return undefined;
	const key = name.slice(MARK.length, end).replaceAll('\u0001\u0002', '\u0001');
	return { key, moment: name.slice(end + SEPARATOR.length) };
}

/** The key of a version; of a current object, its name. */
export function keyOfVersion(name: string): string {
	return partsOfVersion(name)?.key ?? name;
}

/** `.stack-backup-versions/<key>/<time>_<version id>`: what people and lists call it. */
export function pathOfVersion(name: string): string {
	const { key = name, moment = '' } = partsOfVersion(name) ?? {};
	return `${VERSIONS_FOLDER}/${key}/${moment}`;
}

/** That path; or by the hash of that, where it can be no name of a file. */
export function memberOfVersion(name: string): string {
	const { key = name } = partsOfVersion(name) ?? {};
	const member = pathOfVersion(name);
	// Nothing may lie below what is a file already: the version of another key.
	return isPath(key) && !key.split('/').some((part) => MOMENT.test(part)) ? member : oddName(member);
}

/** The name of the version with a path; undefined for what is no path of one. */
export function versionAt(path: string): string | undefined {
	const end = path.lastIndexOf('/');
	const beginning = `${VERSIONS_FOLDER}/`;
	if (!path.startsWith(beginning) || end < beginning.length || !MOMENT.test(path.slice(end + 1))) return undefined;
	return nameWith(path.slice(beginning.length, end), path.slice(end + 1));
}

function nameWith(key: string, moment: string): string {
	return `${MARK}${key.replaceAll('\u0001', '\u0001\u0002')}${SEPARATOR}${moment}`;
}

/** What messages call an entry: an object by its key, a version `docs/a.txt of 2026-01-31 02:00:00 UTC`. */
export function titleOf(name: string): string {
	const { key = name, moment } = partsOfVersion(name) ?? {};
	if (moment === undefined) return name;
	const [, year, month, day, hour, minute, second] = MOMENT.exec(moment) ?? [];
	return `${key} of ${year}-${month}-${day} ${hour}:${minute}:${second} UTC`;
}

/**
 * Reads a `backup_manifest` as it streams by: the list of files that PostgreSQL makes with each base backup. It is JSON, but it may hold
 * a million files, so it is read line by line, in the form that the server writes it in
 * (https://www.postgresql.org/docs/current/backup-manifest-format.html; src/backend/backup/backup_manifest.c): each file and each
 * stretch of WAL is a line of its own, in the order in which they were sent, and the last line is the SHA-256 of all lines before it.
 * One line is in memory.
 */
import { createHash } from 'node:crypto';

import { z } from 'zod';

import { BackupError } from '../../errors';
import { nameOf } from '../../tree';
import { crc32c } from './crc32c';
import { parseLsn, type Lsn } from './lsn';

/** How `Checksum-Algorithm` calls what is known here: node:crypto's names, and CRC-32C. */
const ALGORITHMS = {
	CRC32C: 'crc32c',
	SHA224: 'sha224',
	SHA256: 'sha256',
	SHA384: 'sha384',
	SHA512: 'sha512',
} as const;
export type ManifestAlgorithm = (typeof ALGORITHMS)[keyof typeof ALGORITHMS];

/** A file of the data directory. */
export interface ManifestFile {
	/** Relative to the data directory, with forward slashes; see engine/tree/name.ts. */
	path: string;
	size: number;
	/** Undefined where the server was asked for none. */
	checksum: { algorithm: ManifestAlgorithm; hex: string } | undefined;
}

/** WAL without which the backup is not consistent. */
export interface WalRange {
	timeline: number;
	/** Of the first record, and of the end of the last one. */
	startLsn: Lsn;
	endLsn: Lsn;
}

/** What a manifest says beside its files. */
export interface BackupManifestFacts {
	/** Undefined before PostgreSQL 17. */
	systemIdentifier: string | undefined;
	ranges: WalRange[];
}

/** As long as a line may be: a path of 4096 bytes in hexadecimal, and what stands beside it. */
const LONGEST_LINE = 16 * 1024;
const MOST_RANGES = 10_000;

const hex = z.string().regex(/^([0-9a-f]{2})+$/);
const fileLine = z.object({
	Path: z.string().optional(),
	'Encoded-Path': hex.optional(),
	Size: z.number().int().nonnegative(),
	'Checksum-Algorithm': z.string().optional(),
	Checksum: hex.optional(),
});
const rangeLine = z.object({
	Timeline: z.number().int().positive(),
	'Start-LSN': z.string(),
	'End-LSN': z.string(),
});

/**
 * The files of a manifest in the order in which the server sent them; at the end what else it says, when its own checksum was right.
 * @throws BackupError ARCHIVE_CORRUPT, and what the stream throws
 */
export async function* readBackupManifest(
	bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<ManifestFile, BackupManifestFacts, undefined> {
	const facts: BackupManifestFacts = { systemIdentifier: undefined, ranges: [] };
	const digest = createHash('sha256');
	let place: 'head' | 'files' | 'between' | 'ranges' | 'tail' | 'end' = 'head';
	for await (const line of linesOf(bytes)) {
		if (place === 'end') throw damaged('it goes on behind its end');
		if (place === 'tail') {
			assertChecksum(line, digest.digest('hex'));
			place = 'end';
			continue;
		}
		digest.update(line).update('\n');
		const text = line.toString('utf8');
		if (text === '],' && (place === 'files' || place === 'ranges')) {
			place = place === 'files' ? 'between' : 'tail';
		} else if (place === 'files') {
			yield fileOf(text);
		} else if (place === 'ranges') {
			if (facts.ranges.length >= MOST_RANGES) throw damaged('it names too many stretches of WAL');
			facts.ranges.push(rangeOf(text));
		} else if (place === 'between') {
			if (text !== '"WAL-Ranges": [') throw damaged('it does not tell which WAL it needs');
			place = 'ranges';
		} else if (text === '"Files": [') {
			place = 'files';
		} else {
			facts.systemIdentifier = headOf(text) ?? facts.systemIdentifier;
		}
	}
	if (place !== 'end') throw damaged('it ends too early');
	return facts;
}

/** What stands in front of the files. */
function headOf(line: string): string | undefined {
	const identifier = /^"System-Identifier": (\d{1,20}),$/.exec(line)?.[1];
	if (identifier !== undefined) return identifier;
	const version = /^\{ "PostgreSQL-Backup-Manifest-Version": (\d{1,9}),$/.exec(line)?.[1];
	if (version === '1' || version === '2') return undefined;
	if (version === undefined) throw damaged('it does not begin as one');
	throw new BackupError('MANIFEST_NEWER', `The backup_manifest has the version ${version}, which is not known here.`, {
		hint: 'A newer PostgreSQL made it: update this package.',
	});
}

/** What a line says that is one of a file. @throws BackupError ARCHIVE_CORRUPT */
export function fileOf(line: string): ManifestFile {
	const stated = parsed(line, fileLine);
	const { Path: path, 'Encoded-Path': encoded, Size: size } = stated;
	const name = path ?? (encoded === undefined ? undefined : nameOf(Buffer.from(encoded, 'hex')));
	if (name === undefined) throw damaged('it has a file without a name');
	const { 'Checksum-Algorithm': stands, Checksum: sum } = stated;
	if (stands === undefined && sum === undefined) return { path: name, size, checksum: undefined };
	const algorithm = Object.entries(ALGORITHMS).find(([key]) => key === stands)?.[1];
	if (algorithm === undefined || sum === undefined) throw damaged('it has a checksum of a kind that is not known');
	return { path: name, size, checksum: { algorithm, hex: sum } };
}

/** Computes a checksum as a manifest states it. */
export function fileDigest(algorithm: ManifestAlgorithm): { update(bytes: Uint8Array): void; hex(): string } {
	if (algorithm !== 'crc32c') {
		const hash = createHash(algorithm);
		return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') };
	}
	let crc = 0;
	const hex = () => {
		// In the order of the server's bytes, which is little-endian wherever PostgreSQL is run.
		const bytes = Buffer.alloc(4);
		bytes.writeUInt32LE(crc);
		return bytes.toString('hex');
	};
	return { update: (bytes) => void (crc = crc32c(bytes, crc)), hex };
}

function rangeOf(line: string): WalRange {
	const { Timeline: timeline, 'Start-LSN': start, 'End-LSN': end } = parsed(line, rangeLine);
	try {
		return { timeline, startLsn: parseLsn(start), endLsn: parseLsn(end) };
	} catch (error) {
		throw damaged('it names WAL that cannot be', error);
	}
}

/** One line is one member of a list; a comma ends all but the last. */
function parsed<T>(line: string, schema: z.ZodType<T>): T {
	try {
		return schema.parse(JSON.parse(line.replace(/,$/, '')));
	} catch (error) {
		throw damaged('one of its lines is not what PostgreSQL writes', error);
	}
}

function assertChecksum(line: Buffer, found: string): void {
	const stated = /^"Manifest-Checksum": "([0-9a-f]{64})"\}$/.exec(line.toString('latin1'))?.[1];
	if (stated === found) return;
	throw damaged(stated === undefined ? 'it ends without its checksum' : 'its checksum is wrong');
}

/** The lines of a manifest without what ends them. @throws BackupError ARCHIVE_CORRUPT, and what the stream throws */
export async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
	let rest = Buffer.alloc(0);
	for await (const chunk of bytes) {
		let from = 0;
		for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, from)) {
			yield Buffer.concat([rest, chunk.subarray(from, at)]);
			rest = Buffer.alloc(0);
			from = at + 1;
		}
		rest = Buffer.concat([rest, chunk.subarray(from)]);
		if (rest.length > LONGEST_LINE) throw damaged('it has a line of unlikely length');
	}
	if (rest.length > 0) yield rest;
}

function damaged(what: string, cause?: unknown): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The backup_manifest of PostgreSQL is damaged: ${what}.`, {
		...(cause !== undefined && { cause }),
		hint: 'Choose another base backup.',
	});
}

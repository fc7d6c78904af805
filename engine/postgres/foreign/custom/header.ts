/*
 * The header of pg_dump's custom format, and the way it writes numbers and strings
 * (src/bin/pg_dump/pg_backup_archiver.c: ReadHead, ReadInt, ReadStr, ReadOffset).
 */
import { BackupError } from '../../../errors';
import { type ByteReader, damaged } from '../bytes';

export type ArchiveCompression = 'none' | 'gzip' | 'lz4' | 'zstd';

export interface ArchiveHeader {
	/** The version of the archive format: `1.14`. */
	version: string;
	/** The minor number: what the layout depends on. */
	minor: number;
	compression: ArchiveCompression;
	/** When the dump was made, as local time of the machine that made it: `2026-01-31T02:00:00`. */
	createdAt: string;
	database: string;
	serverVersion: string;
	dumpVersion: string;
}

const MAGIC = 'PGDMP';
const FORMAT_CUSTOM = 1;
/** 1.12 is PostgreSQL 9.0's, 1.16 that of 17 and 18. */
const OLDEST_MINOR = 12;
const NEWEST_MINOR = 16;
const ALGORITHMS: readonly ArchiveCompression[] = ['none', 'gzip', 'lz4', 'zstd'];
/** Nothing in a table of contents comes near. */
const MAX_STRING_BYTES = 128 * 1024 * 1024;

/** Reads the parts that archives are made of, in the sizes that the header names. */
export class ArchiveReader {
	minor = 0;
	intSize = 4;
	offsetSize = 8;

	constructor(readonly bytes: ByteReader) {}

	/** A sign byte, then the magnitude, lowest byte first. */
	async int(): Promise<number> {
		const raw = await this.bytes.read(1 + this.intSize);
		const magnitude = littleEndian(raw, 1, raw.length);
		if (raw[0]! > 1 || magnitude > Number.MAX_SAFE_INTEGER) throw this.damaged('a number is out of range');
		return raw[0] === 1 ? -magnitude : magnitude;
	}

	/** Object ids above 2^31 were written through a signed int. */
	async oid(): Promise<number> {
		return (await this.int()) >>> 0;
	}

	/** The bytes of a string; null where the writer had none. */
	async stringBytes(): Promise<Buffer | null> {
		const length = await this.int();
		if (length < 0) return null;
		if (length > MAX_STRING_BYTES) throw this.damaged(`a string claims to have ${length} bytes`);
		return this.bytes.read(length);
	}

	/** A flag (1 not set, 2 set, 3 no data) and an offset into the file, which reading forwards does without. */
	async hasData(): Promise<boolean> {
		const flag = await this.bytes.byte();
		await this.bytes.read(this.offsetSize);
		if (flag < 1 || flag > 3) throw this.damaged(`an offset has the unknown flag ${flag}`);
		return flag !== 3;
	}

	damaged(what: string): BackupError {
		return damaged(`in ${this.bytes.context}, ${what}`);
	}
}

function littleEndian(raw: Buffer, start: number, end: number): number {
	let value = 0;
	for (let index = end - 1; index >= start; index--) value = value * 256 + raw[index]!;
	return value;
}

/**
 * Reads the header and sets the reader up for what follows it.
 * @throws BackupError INVALID_INPUT for what is no custom-format archive, UNSUPPORTED_VERSION for a version or a
 * compression that cannot be read here, ARCHIVE_CORRUPT, ARCHIVE_INCOMPLETE.
 */
export async function readHeader(reader: ArchiveReader): Promise<ArchiveHeader> {
	const { bytes } = reader;
	bytes.context = 'its header';
	if ((await bytes.read(MAGIC.length)).toString('latin1') !== MAGIC) {
		throw new BackupError('INVALID_INPUT', 'This is not an archive in the custom format of pg_dump.', {
			hint: 'Choose a file made by pg_dump -Fc, or a plain SQL dump.',
		});
	}
	const [major, minor] = [await bytes.byte(), await bytes.byte()];
	await bytes.byte();
	checkVersion(major, minor);
	reader.minor = minor;
	reader.intSize = await bytes.byte();
	reader.offsetSize = await bytes.byte();
	if (reader.intSize < 2 || reader.intSize > 8 || reader.offsetSize < 2 || reader.offsetSize > 16) {
		throw damaged(`its header names integers of ${reader.intSize} and offsets of ${reader.offsetSize} bytes`);
	}
	const format = await bytes.byte();
	if (format !== FORMAT_CUSTOM) {
		throw new BackupError('INVALID_INPUT', 'This is the table of contents of a dump in directory or tar format.', {
			hint: 'Turn the whole dump into SQL with pg_restore -f dump.sql, and restore that.',
		});
	}
	const compression = await readCompression(reader);
	const createdAt = await readTime(reader);
	const text = async () => (await reader.stringBytes())?.toString('utf8') ?? '';
	const [database, serverVersion, dumpVersion] = [await text(), await text(), await text()];
	return { version: `${major}.${minor}`, minor, compression, createdAt, database, serverVersion, dumpVersion };
}

function checkVersion(major: number, minor: number): void {
	if (major === 1 && minor >= OLDEST_MINOR && minor <= NEWEST_MINOR) return;
	const old = major < 1 || (major === 1 && minor < OLDEST_MINOR);
	throw new BackupError(
		'UNSUPPORTED_VERSION',
		`The archive has format version ${major}.${minor}; 1.12 to 1.16 can be read.`,
		{
			hint: old
				? 'Turn it into SQL with pg_restore -f dump.sql, and restore that.'
				: 'Update the n8n-nodes-stack-backup package, or turn it into SQL with pg_restore -f dump.sql.',
		},
	);
}

/** Since 1.15 a byte names the algorithm; before, a level stood here, and 0 meant none. */
async function readCompression(reader: ArchiveReader): Promise<ArchiveCompression> {
	if (reader.minor < 15) return (await reader.int()) === 0 ? 'none' : 'gzip';
	const code = await reader.bytes.byte();
	const compression = ALGORITHMS[code];
	if (compression === undefined) throw damaged(`its header names the unknown compression ${code}`);
	return compression;
}

/** Seconds, minutes, hours, day, month from 0, years since 1900, daylight saving. */
async function readTime(reader: ArchiveReader): Promise<string> {
	const parts: number[] = [];
	for (let index = 0; index < 7; index++) parts.push(await reader.int());
	const [second, minute, hour, day, month, year] = parts as [number, number, number, number, number, number];
	const pad = (value: number, length = 2) => String(value).padStart(length, '0');
	return `${pad(year + 1900, 4)}-${pad(month + 1)}-${pad(day)}T${pad(hour)}:${pad(minute)}:${pad(second)}`;
}

/** @throws BackupError UNSUPPORTED_VERSION for lz4. */
export function checkCompression(compression: ArchiveCompression): asserts compression is 'none' | 'gzip' | 'zstd' {
	if (compression !== 'lz4') return;
	throw new BackupError('UNSUPPORTED_VERSION', 'The archive is compressed with lz4, which cannot be read here.', {
		hint: 'Make it again with pg_dump -Fc --compress=gzip or zstd, or turn it into SQL with pg_restore -f dump.sql.',
	});
}

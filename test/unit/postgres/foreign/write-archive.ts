import { deflateSync, zstdCompressSync } from 'node:zlib';
import type { ArchiveCompression, Section, TocEntry } from '../../../../engine/postgres/foreign/custom';

/**
 * Writes archives in pg_dump's custom format, for versions and damages that no tool on the machine makes. What it writes
 * for 1.12 to 1.14 is read by pg_restore 15 in test/system/postgres/foreign; 1.15 and 1.16 follow the format's source
 * alone, beside the genuine archives of pg_dump 18 in test/integration/postgres/foreign.
 */
export interface ArchiveModel {
	minor: number;
	compression: ArchiveCompression;
	entries: TocEntry[];
	blocks: BlockModel[];
	/** Leaves the offsets out, as pg_dump does when it writes into a pipe. */
	piped?: boolean;
	intSize?: number;
	database?: string;
	serverVersion?: string;
	dumpVersion?: string;
}

export type BlockModel = { id: number; data: Buffer } | { id: number; objects: { oid: number; data: Buffer }[] };

const SECTIONS: Section[] = ['none', 'pre-data', 'data', 'post-data'];
const ALGORITHMS: ArchiveCompression[] = ['none', 'gzip', 'lz4', 'zstd'];

/** An entry with everything left empty but what is given. */
export function entryOf(entry: Partial<TocEntry> & Pick<TocEntry, 'id' | 'type' | 'name'>): TocEntry {
	return {
		hasData: false,
		catalogOid: 0,
		oid: 0,
		section: 'pre-data',
		definition: null,
		drop: null,
		copy: null,
		schema: null,
		tablespace: null,
		accessMethod: null,
		relationKind: 0,
		owner: null,
		dependencies: [],
		...entry,
	};
}

/** The archive's bytes, and where each entry's block begins. */
export function writeArchive(model: ArchiveModel): { bytes: Buffer; offsets: Map<number, number> } {
	const data = model.blocks.map((block) => writeBlock(model, block));
	// Offsets have a fixed width: the length of everything before the data does not depend on them.
	const dataStart = writeHead(model, new Map()).length;
	const offsets = new Map<number, number>();
	let position = dataStart;
	model.blocks.forEach((block, index) => {
		offsets.set(block.id, position);
		position += data[index]!.length;
	});
	return { bytes: Buffer.concat([writeHead(model, offsets), ...data]), offsets };
}

function writeHead(model: ArchiveModel, offsets: Map<number, number>): Buffer {
	const { minor } = model;
	const int = (value: number) => writeInt(value, model.intSize);
	const text = (value: string | null) =>
		value === null ? int(-1) : Buffer.concat([int(Buffer.byteLength(value)), Buffer.from(value)]);
	const compression =
		minor >= 15 ? Buffer.from([ALGORITHMS.indexOf(model.compression)]) : int(model.compression === 'none' ? 0 : -1);
	const parts = [
		Buffer.from('PGDMP'),
		Buffer.from([1, minor, 0, model.intSize ?? 4, 8, 1]),
		compression,
		...[5, 4, 3, 2, 0, 126, 0].map(int),
		text(model.database ?? 'shop'),
		text(model.serverVersion ?? '15.1'),
		text(model.dumpVersion ?? '15.1'),
		int(model.entries.length),
	];
	for (const entry of model.entries) {
		parts.push(int(entry.id), int(entry.hasData ? 1 : 0));
		parts.push(text(String(entry.catalogOid)), text(String(entry.oid)), text(entry.name), text(entry.type));
		parts.push(int(SECTIONS.indexOf(entry.section) + 1));
		parts.push(text(entry.definition), text(entry.drop), text(entry.copy), text(entry.schema), text(entry.tablespace));
		if (minor >= 14) parts.push(text(entry.accessMethod));
		if (minor >= 16) parts.push(int(entry.relationKind));
		parts.push(text(entry.owner), text('false'));
		for (const id of entry.dependencies) parts.push(text(String(id)));
		parts.push(text(null), writeOffset(entry, model.piped ? undefined : offsets.get(entry.id)));
	}
	return Buffer.concat(parts);
}

function writeInt(value: number, size = 4): Buffer {
	const bytes = Buffer.alloc(1 + size);
	bytes[0] = value < 0 ? 1 : 0;
	bytes.writeUInt32LE(Math.abs(value), 1);
	return bytes;
}

function writeOffset(entry: TocEntry, offset: number | undefined): Buffer {
	const bytes = Buffer.alloc(9);
	bytes[0] = !entry.hasData ? 3 : offset === undefined ? 1 : 2;
	bytes.writeBigUInt64LE(BigInt(offset ?? 0), 1);
	return bytes;
}

function writeBlock(model: ArchiveModel, block: BlockModel): Buffer {
	const int = (value: number) => writeInt(value, model.intSize);
	const stream = (data: Buffer) => {
		const packed = pack(data, model.compression);
		const pieces: Buffer[] = [];
		for (let start = 0; start < packed.length; start += 4096) {
			const piece = packed.subarray(start, start + 4096);
			pieces.push(int(piece.length), piece);
		}
		return Buffer.concat([...pieces, int(0)]);
	};
	if ('data' in block) return Buffer.concat([Buffer.from([1]), int(block.id), stream(block.data)]);
	const objects = block.objects.map(({ oid, data }) => Buffer.concat([int(oid | 0), stream(data)]));
	return Buffer.concat([Buffer.from([3]), int(block.id), ...objects, int(0)]);
}

function pack(data: Buffer, compression: ArchiveCompression): Buffer {
	if (compression === 'gzip') return deflateSync(data);
	return compression === 'zstd' ? zstdCompressSync(data) : data;
}

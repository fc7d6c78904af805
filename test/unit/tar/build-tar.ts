/** Tars built block by block, as Qdrant's writer (Rust's `tar`) and GNU tar build them. */
export interface BuiltMember {
	name: string;
	content?: string | Uint8Array;
	/** `0` a file, `1` and `2` links, `5` a directory, `S` a sparse file, `L` the name of the next member. */
	type?: string;
	/** Of a link. */
	target?: string;
	/** Of a sparse file: where the pieces of the content lie in it, and how long it is. */
	sparse?: { runs: Array<[offset: number, length: number]>; size: number };
	/** The size field instead of twelve octal digits. */
	sizeField?: Uint8Array;
}

const BLOCK = 512;
export const END_MARK = Buffer.alloc(2 * BLOCK);

export function tarOf(...members: BuiltMember[]): Buffer {
	return Buffer.concat([...members.map(memberOf), END_MARK]);
}

export function memberOf({ name, content = '', type = '0', target = '', sparse, sizeField }: BuiltMember): Buffer {
	const bytes = Buffer.from(content);
	const header = Buffer.alloc(BLOCK);
	header.write(name, 0, 100);
	header.write('0000644\0', 100);
	header.write(octal(bytes.length), 124);
	if (sizeField) header.set(sizeField, 124);
	header.write('00000000000\0', 136);
	header.write(type, 156);
	header.write(target, 157, 100);
	header.write('ustar  \0', 257);
	const more = sparse ? writeRuns(header, sparse) : [];
	return Buffer.concat([sealed(header), ...more, padded(bytes)]);
}

/** Four runs go into the header, 21 into each block that follows. */
function writeRuns(header: Buffer, { runs, size }: NonNullable<BuiltMember['sparse']>): Buffer[] {
	header.write(octal(size), 483);
	runs.slice(0, 4).forEach((run, index) => writeRun(header, 386 + index * 24, run));
	header[482] = runs.length > 4 ? 1 : 0;
	const blocks: Buffer[] = [];
	for (let start = 4; start < runs.length; start += 21) {
		const block = Buffer.alloc(BLOCK);
		runs.slice(start, start + 21).forEach((run, index) => writeRun(block, index * 24, run));
		block[504] = runs.length > start + 21 ? 1 : 0;
		blocks.push(block);
	}
	return blocks;
}

function writeRun(block: Buffer, at: number, [offset, length]: [number, number]): void {
	block.write(octal(offset), at);
	block.write(octal(length), at + 12);
}

/** The header with its checksum. */
export function sealed(header: Buffer): Buffer {
	header.fill(0x20, 148, 156);
	const sum = header.reduce((total, byte) => total + byte, 0);
	header.write(`${sum.toString(8).padStart(7, '0')}\0`, 148);
	return header;
}

export function padded(bytes: Uint8Array): Buffer {
	return Buffer.concat([bytes, Buffer.alloc(-bytes.length & (BLOCK - 1))]);
}

function octal(value: number): string {
	return value.toString(8).padStart(11, '0') + '\0';
}

/** Bytes as a source that hands out pieces of one length. */
export async function* inPieces(bytes: Uint8Array, length = bytes.length): AsyncGenerator<Uint8Array> {
	for (let offset = 0; offset < bytes.length; offset += length) yield bytes.subarray(offset, offset + length);
}

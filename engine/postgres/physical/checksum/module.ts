/**
 * The checksums of base backups in WebAssembly: CRC-32C of files, and the hash of pages. Every byte of a cluster goes through both, on the
 * thread that does all else, too. JavaScript computes on one number at a time and looks at each access to an array once more; here pages are
 * hashed four numbers at a time: 16 GB/s instead of 3, and CRCs take two thirds of the time, measured on one core.
 *
 * There is one instance for the whole process. Nothing stays in its memory from one call to the next but the tables: who calls brings
 * the bytes, as `staged` ones where both checksums are wanted of them, so that they are copied once.
 */
import { CRC_TABLES } from './crcTables';
import {
	add,
	and,
	constant,
	extract,
	get,
	greaterThan,
	lessThan,
	load,
	loadByte,
	loadVector,
	moduleOf,
	multiplyVectors,
	notLessThan,
	repeatUntil,
	repeatWhile,
	set,
	shiftLeft,
	shiftRight,
	shiftVectorRight,
	splat,
	xor,
	xorVectors,
	type Code,
	type WasmFunction,
} from './wasm';

/** Where what lies in the memory. */
const SEEDS_AT = 16 * 1024;
const PAGE_AT = SEEDS_AT + 128;
const LARGEST_PAGE = 64 * 1024;
const STAGE_AT = PAGE_AT + LARGEST_PAGE;
/** Bytes that can be staged at once. */
export const STAGE_BYTES = 64 * 1024;
const MEMORY_PAGES = Math.ceil((STAGE_AT + STAGE_BYTES) / 65_536);

/** The multiplier of FNV-1a, and where each of the 32 hashes of a page begins: random numbers that are part of the format. */
const PRIME = 16_777_619;
export const SEEDS = new Int32Array([
	0x5b1f36e9, 0xb8525960, 0x02ab50aa, 0x1de66d2a, 0x79ff467a, 0x9bb9f8a3, 0x217e7cd2, 0x83e13d2c, 0xf8d4474f,
	0xe39eb970, 0x42c6ae16, 0x993216fa, 0x7b093b5d, 0x98daff3c, 0xf718902a, 0x0b1c9cdb, 0xe58f764b, 0x187636bc,
	0x5d7b3bb1, 0xe73de7de, 0x92bec979, 0xcca6c0b2, 0x304a0979, 0x85aa43d4, 0x783125bb, 0x6ca8eaa2, 0xe407eac6,
	0x4b5cfc3e, 0x9fbf8c76, 0x15ca20be, 0xf2ca9fd3, 0x959bd756,
]);

/** `crc(crc, start, end)`: goes on with a CRC over the bytes from one place of the memory to another, sixteen at a time. */
function crcFunction(): WasmFunction {
	const [crc, at, end] = [0, 1, 2];
	const words = [3, 4, 5, 6] as const;
	/** What the table for a byte that so many others follow says of one of the four bytes of a word. */
	const looked = (word: number, byte: number, following: number): Code => [
		get(word),
		byte === 0 ? [constant(2), shiftLeft] : [constant(8 * byte - 2), shiftRight],
		[constant(0x3fc), and],
		load(1024 * following),
	];
	const ofWord = (word: number, following: number): Code => [
		[looked(word, 0, following), looked(word, 1, following - 1), xor],
		[looked(word, 2, following - 2), looked(word, 3, following - 3), xor, xor],
	];
	const [a, b, c, d] = words;
	const sixteen: Code = [
		[get(at), load(0), get(crc), xor, set(a)],
		[get(at), load(4), set(b), get(at), load(8), set(c), get(at), load(12), set(d)],
		// What does not depend on the CRC comes first: the processor is at it while it waits for the rest.
		[ofWord(b, 11), ofWord(c, 7), xor, ofWord(d, 3), xor, ofWord(a, 15), xor, set(crc)],
		[get(at), constant(16), add, set(at)],
	];
	const one: Code = [
		[get(crc), get(at), loadByte(), xor, constant(0xff), and, constant(2), shiftLeft, load(0)],
		[get(crc), constant(8), shiftRight, xor, set(crc)],
		[get(at), constant(1), add, set(at)],
	];
	const body = [
		repeatUntil([get(at), constant(16), add, get(end), greaterThan], sixteen),
		repeatUntil([get(at), get(end), notLessThan], one),
		get(crc),
	];
	return { name: 'crc', parameters: 3, locals: { numbers: words.length, vectors: 0 }, body };
}

/** `page(start, end)`: the 32 hashes of a page, put together by XOR. */
function pageFunction(): WasmFunction {
	const [at, end] = [0, 1];
	const vectors = Array.from({ length: 8 }, (_, index) => index);
	const hash = (index: number) => 2 + index;
	const prime = 2 + vectors.length;
	const mixed = 3 + vectors.length;
	/** hash = (mixed * PRIME) ^ (mixed >>> 17) */
	const mix = (index: number): Code => [
		[get(mixed), get(prime), multiplyVectors, get(mixed), constant(17), shiftVectorRight, xorVectors, set(hash(index))],
	];
	const row = vectors.map((index): Code => [
		[get(hash(index)), get(at), loadVector(16 * index), xorVectors, set(mixed)],
		mix(index),
	]);
	/** After the last word each hash takes in two words of zeros. */
	const atEnd = vectors.map((index): Code => [get(hash(index)), set(mixed), mix(index)]);
	const body: Code = [
		[constant(PRIME), splat, set(prime)],
		vectors.map((index): Code => [constant(SEEDS_AT), loadVector(16 * index), set(hash(index))]),
		repeatWhile([row, [get(at), constant(128), add, set(at)]], [get(at), get(end), lessThan]),
		[atEnd, atEnd],
		[get(hash(0)), vectors.slice(1).map((index): Code => [get(hash(index)), xorVectors]), set(mixed)],
		[get(mixed), extract(0), [1, 2, 3].map((lane): Code => [get(mixed), extract(lane), xor])],
	];
	return { name: 'page', parameters: 2, locals: { numbers: 0, vectors: vectors.length + 2 }, body };
}

/** TypeScript describes it with the libraries of browsers alone. */
declare const WebAssembly: {
	Module: new (bytes: Uint8Array) => object;
	Instance: new (module: object) => { exports: unknown };
};

interface Checksums {
	memory: { buffer: ArrayBuffer };
	crc: (crc: number, start: number, end: number) => number;
	page: (start: number, end: number) => number;
}

const instance = new WebAssembly.Instance(
	new WebAssembly.Module(moduleOf([crcFunction(), pageFunction()], MEMORY_PAGES)),
);
const { memory, crc, page } = instance.exports as Checksums;
const all = new Uint8Array(memory.buffer);
new Int32Array(memory.buffer, 0, CRC_TABLES.length).set(CRC_TABLES);
new Int32Array(memory.buffer, SEEDS_AT, SEEDS.length).set(SEEDS);

/**
 * A copy of bytes, at most STAGE_BYTES, of which checksums are computed without another copy. It stays what it is until the next call,
 * or until a checksum of bytes is computed that are not staged.
 */
export function staged(bytes: Uint8Array): Uint8Array {
	all.set(bytes, STAGE_AT);
	return all.subarray(STAGE_AT, STAGE_AT + bytes.length);
}

/** Goes on with a CRC-32C that is neither complemented nor unsigned. */
export function crcOfBytes(before: number, bytes: Uint8Array): number {
	if (bytes.buffer === memory.buffer) return crc(before, bytes.byteOffset, bytes.byteOffset + bytes.length);
	let value = before;
	for (let at = 0; at < bytes.length; at += STAGE_BYTES) {
		const part = staged(bytes.subarray(at, at + STAGE_BYTES));
		value = crc(value, STAGE_AT, STAGE_AT + part.length);
	}
	return value;
}

/**
 * The hash of a page whose own field for it counts as zero. What is staged stays.
 * @param bytes of the page: a multiple of 128, at most 64 KiB
 */
export function pageHash(bytes: Uint8Array): number {
	all.set(bytes, PAGE_AT);
	all.fill(0, PAGE_AT + CHECKSUM_AT, PAGE_AT + CHECKSUM_AT + 2);
	return page(PAGE_AT, PAGE_AT + bytes.length);
}

/** Where a page has its checksum, of two bytes (PageHeaderData.pd_checksum). */
export const CHECKSUM_AT = 8;

/**
 * Writes a module of WebAssembly: as much of its binary format as the checksums need
 * (https://webassembly.github.io/spec/core/binary/). Code is a list of bytes in which lists may stand, each of them one instruction; an
 * instruction takes what it works on from the stack, so what it works on stands in front of it.
 */

export type Code = ReadonlyArray<number | Code>;

/** A function of a module: its parameters are numbers of 32 bits, and so is its result. */
export interface WasmFunction {
	name: string;
	parameters: number;
	/** What it keeps beside them: so many numbers of 32 bits, then so many vectors of 128. */
	locals: { numbers: number; vectors: number };
	body: Code;
}

const I32 = 0x7f;
const V128 = 0x7b;
const NO_RESULT = 0x40;
const END = 0x0b;

// Locals: the parameters come first, then the numbers, then the vectors.
export const get = (local: number): Code => [0x20, unsigned(local)];
export const set = (local: number): Code => [0x21, unsigned(local)];

export const constant = (value: number): Code => [0x41, signed(value)];
export const lessThan: Code = [0x49];
export const greaterThan: Code = [0x4b];
export const notLessThan: Code = [0x4f];
export const add: Code = [0x6a];
export const and: Code = [0x71];
export const xor: Code = [0x73];
export const shiftLeft: Code = [0x74];
export const shiftRight: Code = [0x76];

/** Of the address on the stack and so many bytes more, which need not be at a multiple of their size. */
export const loadByte = (offset = 0): Code => [0x2d, 0, unsigned(offset)];
export const load = (offset = 0): Code => [0x28, 0, unsigned(offset)];
export const loadVector = (offset = 0): Code => [0xfd, 0x00, 0, unsigned(offset)];

// On four numbers of 32 bits side by side.
export const splat: Code = [0xfd, 0x11];
export const extract = (lane: number): Code => [0xfd, 0x1b, lane];
export const xorVectors: Code = [0xfd, 0x51];
export const shiftVectorRight: Code = [0xfd, 0xad, 0x01];
export const multiplyVectors: Code = [0xfd, 0xb5, 0x01];

/** Runs the body again and again, for as long as a number that is not 0 stands on the stack at its end. */
export const repeatWhile = (body: Code, condition: Code): Code => [0x03, NO_RESULT, body, condition, 0x0d, 0, END];

/** Runs the body again and again until the condition holds, which may be so at once. */
export const repeatUntil = (condition: Code, body: Code): Code => [
	[0x02, NO_RESULT, 0x03, NO_RESULT],
	[condition, 0x0d, 1, body, 0x0c, 0],
	[END, END],
];

/** The bytes of a module with these functions and a memory of so many pages of 64 KiB, which is called `memory`. */
export function moduleOf(functions: readonly WasmFunction[], pages: number): Uint8Array<ArrayBuffer> {
	const indexes = functions.map((_, index) => index);
	const types = functions.map(({ parameters }) => [
		0x60,
		vector(Array.from({ length: parameters }, () => I32)),
		1,
		I32,
	]);
	const exports: Code[] = functions.map(({ name }, index) => [text(name), 0x00, unsigned(index)]);
	const codes = functions.map(({ locals: { numbers, vectors }, body }) =>
		sized([2, unsigned(numbers), I32, unsigned(vectors), V128, body, END]),
	);
	return Uint8Array.from(
		flat([
			[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
			section(1, types),
			section(3, indexes.map(unsigned)),
			// It never grows: views of it stay what they are.
			section(5, [[0x01, unsigned(pages), unsigned(pages)]]),
			section(7, [[text('memory'), 0x02, 0], ...exports]),
			section(10, codes),
		]),
	);
}

const section = (id: number, entries: readonly Code[]): Code => [id, sized(vector(entries))];
const vector = (entries: readonly (Code | number)[]): Code => [unsigned(entries.length), entries];
const text = (name: string): Code => vector([...Buffer.from(name)]);

function sized(code: Code): Code {
	return [unsigned(flat(code).length), code];
}

function flat(code: Code): number[] {
	return code.flat(Infinity as 1) as number[];
}

/** A number in pieces of seven bits, the lowest first (LEB128). */
function unsigned(value: number): Code {
	return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, unsigned(value >>> 7)];
}

/** The same, with a sign: the highest bit of the last piece. */
function signed(value: number): Code {
	return value >= -0x40 && value < 0x40 ? [value & 0x7f] : [(value & 0x7f) | 0x80, signed(value >> 7)];
}

/**
 * The packets that an OpenPGP message consists of: a header with kind and length, then a body (RFC 4880 4.2). A body of
 * unknown length comes in pieces, each of which begins with its own length, a power of two, and a last one of any length.
 *
 * These lengths stand outside of the encryption: whoever holds the storage can cut a body into pieces of one byte, and
 * writers in Go make a few such pieces, too. So a piece costs no more than the copying of its bytes: as many pieces as a
 * chunk of the source holds are cut at once, small ones are gathered in a buffer and handed out together, and large ones
 * are handed out as slices. Nobody waits between two pieces; the event loop turns at each chunk of the source.
 */
import { EndedEarly } from '../cursor';

/** Smaller pieces are gathered. */
const SMALL_BYTES = 4096;
const GATHERED_BYTES = 32 * 1024;

/** A message that is not read, since it is damaged or made to cost too much. The text continues "The message cannot be read: ". */
export class RefusedMessage extends Error {}

/** What packets are read from: a ByteCursor, or something in front of one. */
export interface PacketSource {
	take(length: number): Promise<Uint8Array>;
	peek(): Promise<Uint8Array | undefined>;
	skip(length: number): void;
}

export interface PacketLength {
	bytes: number;
	isPartial: boolean;
}

export interface PacketHeader {
	tag: number;
	/** Undefined where the body goes on to the end of the message. */
	length: PacketLength | undefined;
	/** As it was read. */
	octets: Uint8Array;
}

/** The octet of a partial length of two to the power of `bits` (4.2.2.4). */
export const partialLength = (bits: number): number => 0xe0 + bits;

/** The octets of a length that is known (4.2.2.1 to 4.2.2.3). */
export function knownLength(length: number): Buffer {
	if (length < 192) return Buffer.of(length);
	if (length < 8384) return Buffer.of(((length - 192) >> 8) + 192, (length - 192) & 0xff);
	const octets = Buffer.of(0xff, 0, 0, 0, 0);
	octets.writeUInt32BE(length, 1);
	return octets;
}

/** Reads a header, in its new or old form (4.2). Undefined for what is no header. @throws EndedEarly; errors of the source */
export async function readHeader(from: PacketSource): Promise<PacketHeader | undefined> {
	const first = await from.take(1);
	const octet = first[0] as number;
	if ((octet & 0x80) === 0) return undefined;
	if ((octet & 0x40) !== 0) {
		const { length, octets } = await readLength(from);
		return { tag: octet & 0x3f, length, octets: Buffer.concat([first, octets]) };
	}
	// The old form (4.2.1): the two lowest bits say how many octets the length has, 3 that there is none.
	const tag = (octet >> 2) & 15;
	if ((octet & 3) === 3) return { tag, length: undefined, octets: first };
	const octets = Buffer.from(await from.take(2 ** (octet & 3)));
	const bytes = octets.readUIntBE(0, octets.length);
	return { tag, length: { bytes, isPartial: false }, octets: Buffer.concat([first, octets]) };
}

async function readLength(from: PacketSource): Promise<{ length: PacketLength; octets: Uint8Array }> {
	const first = await from.take(1);
	const more = octetsOfLength(first[0] as number) - 1;
	const octets = more > 0 ? Buffer.concat([first, await from.take(more)]) : first;
	return { length: lengthAt(octets, 0)!, octets };
}

/** How many octets a length of the new form has, by its first (4.2.2). */
function octetsOfLength(first: number): 1 | 2 | 5 {
	if (first === 255) return 5;
	return first < 192 || first >= 224 ? 1 : 2;
}

/** Undefined where not all of its octets are there. */
function lengthAt(bytes: Uint8Array, at: number): PacketLength | undefined {
	const first = bytes[at];
	if (first === undefined) return undefined;
	if (first < 192) return { bytes: first, isPartial: false };
	if (first >= 224 && first < 255) return { bytes: 2 ** (first & 0x1f), isPartial: true };
	if (at + octetsOfLength(first) > bytes.length) return undefined;
	const next = bytes[at + 1] as number;
	if (first < 224) return { bytes: ((first - 192) << 8) + next + 192, isPartial: false };
	const low = ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 8) | (bytes[at + 4] as number);
	return { bytes: next * 2 ** 24 + low, isPartial: false };
}

/** The body of a packet whose header has been read. @throws EndedEarly; errors of the source */
export async function* bodyOf(from: PacketSource, first: PacketLength): AsyncGenerator<Uint8Array> {
	const body = new BodyCutter(first);
	while (!body.isComplete) {
		if (body.needsLength) {
			body.begin((await readLength(from)).length);
			continue;
		}
		const chunk = await from.peek();
		if (!chunk) throw new EndedEarly();
		const { pieces, used } = body.cut(chunk);
		from.skip(used);
		yield* pieces;
	}
}

/** Where in a body its reader is. */
class BodyCutter {
	/** Bytes that the present piece still has. */
	#left: number;
	#isLast: boolean;

	constructor({ bytes, isPartial }: PacketLength) {
		this.#left = bytes;
		this.#isLast = !isPartial;
	}

	get isComplete(): boolean {
		return this.#left === 0 && this.#isLast;
	}

	/** The next piece's length is to be read before anything else. */
	get needsLength(): boolean {
		return this.#left === 0 && !this.#isLast;
	}

	begin({ bytes, isPartial }: PacketLength): void {
		this.#left = bytes;
		this.#isLast = !isPartial;
	}

	/** What a chunk holds of the body, as slices and gathered; `used` counts the octets of lengths, too. */
	cut(chunk: Uint8Array): { pieces: Uint8Array[]; used: number } {
		const gathering = new Gathering(chunk);
		let at = 0;
		for (;;) {
			const end = Math.min(at + this.#left, chunk.length);
			gathering.add(at, end);
			this.#left -= end - at;
			at = end;
			const next = this.needsLength ? lengthAt(chunk, at) : undefined;
			if (!next) return { pieces: gathering.finish(), used: at };
			at += octetsOfLength(chunk[at] as number);
			this.begin(next);
		}
	}
}

/** Slices of one chunk; those that are small are copied together. */
class Gathering {
	readonly #chunk: Buffer;
	readonly #pieces: Uint8Array[] = [];
	#buffer: Buffer | undefined;
	#used = 0;

	constructor(chunk: Uint8Array) {
		this.#chunk = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
	}

	add(start: number, end: number): void {
		const length = end - start;
		if (length === 0) return;
		if (length >= SMALL_BYTES || this.#used + length > GATHERED_BYTES) this.#flush();
		if (length >= SMALL_BYTES) {
			this.#pieces.push(this.#chunk.subarray(start, end));
			return;
		}
		this.#buffer ??= Buffer.allocUnsafeSlow(Math.min(GATHERED_BYTES, this.#chunk.length - start));
		this.#used += this.#chunk.copy(this.#buffer, this.#used, start, end);
	}

	finish(): Uint8Array[] {
		this.#flush();
		return this.#pieces;
	}

	#flush(): void {
		if (this.#buffer) this.#pieces.push(this.#buffer.subarray(0, this.#used));
		this.#buffer = undefined;
		this.#used = 0;
	}
}

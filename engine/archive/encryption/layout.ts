/**
 * Where the bytes of an encrypted archive stand in its file. seal.ts cuts both packets, the encrypted one and the literal one
 * in it, into pieces of one size each and a last, shorter one. A length stands in front of each piece. So the place of every
 * byte, and the value of every length, follow from the two sizes (`encryption.pieces` in the manifest) and from the lengths of
 * the compressed stream and of the file:
 *
 *     file            | packets with the session key | tag | outer pieces with their lengths                          |
 *     encrypted body                                       | version | prefix, tag | inner pieces with lengths | MDC   |
 *     literal body                                                                 | head | compressed stream |
 *
 * All of this is computed from a manifest, which somebody may have made up: nothing here is believed before a reader has
 * compared the lengths that it meets (see unseal-range.ts), and each frame with its hash.
 */
import type { Manifest } from '../manifest/manifest';
import { knownLength, partialLength } from './packets';

/** Bytes of each piece but the last: of the encrypted packet, and of the literal one inside. */
export interface PieceSizes {
	outer: number;
	inner: number;
}

/** The sizes that archives are written with. */
export const PIECES: PieceSizes = { outer: 2 ** 20, inner: 2 ** 16 };

export const SEIPD_TAG = 0xc0 | 18;
export const SEIPD_VERSION = Buffer.of(1);
/** Random bytes, the last two of them once more. */
export const PREFIX_BYTES = 18;
export const LITERAL_TAG = 0xc0 | 11;
/** Format `b`, no name, no date. */
export const LITERAL_HEAD = Buffer.from('b\0\0\0\0\0', 'latin1');
export const MDC_HEADER = Buffer.of(0xc0 | 19, 20);
export const SHA1_BYTES = 20;

/** A packet's body in pieces of one size, and a last one that is shorter, or empty. Each has its length in front. */
export class PiecedBody {
	readonly #fullPieces: number;
	readonly #fullLength: Buffer;
	readonly #lastLength: Buffer;

	/**
	 * @param length bytes of the body, without the lengths of its pieces
	 * @param piece a power of two
	 */
	constructor(
		readonly length: number,
		readonly piece: number,
	) {
		this.#fullPieces = Math.floor(length / piece);
		this.#fullLength = Buffer.of(partialLength(Math.log2(piece)));
		this.#lastLength = knownLength(length % piece);
	}

	/** Bytes of the body with all lengths. */
	get storedLength(): number {
		return this.placeOf(this.length);
	}

	/** Where a byte of the body stands, counted from the first octet of the first piece's length. */
	placeOf(offset: number): number {
		const piece = Math.floor(offset / this.piece);
		const lengths = piece < this.#fullPieces ? piece + 1 : this.#fullPieces + this.#lastLength.length;
		return offset + lengths;
	}

	/** The octets that stand in front of a piece; the first is number 0. */
	lengthOf(piece: number): Buffer {
		return piece < this.#fullPieces ? this.#fullLength : this.#lastLength;
	}
}

/** The layout of one encrypted archive. */
export class SealedLayout {
	/** Offset in the file of the encrypted packet's tag, which the packets with the session key stand in front of. */
	readonly offset: number;
	/** The encrypted packet's body. */
	readonly outer: PiecedBody;
	/** The literal packet's body. */
	readonly inner: PiecedBody;

	constructor({ outer, inner }: PieceSizes, { compressed, stored }: Pick<Manifest['size'], 'compressed' | 'stored'>) {
		this.inner = new PiecedBody(LITERAL_HEAD.length + compressed, inner);
		const plain = PREFIX_BYTES + 1 + this.inner.storedLength + MDC_HEADER.length + SHA1_BYTES;
		this.outer = new PiecedBody(SEIPD_VERSION.length + plain, outer);
		this.offset = stored - 1 - this.outer.storedLength;
	}

	/** Whether the file has room for a session key in front of the encrypted packet. */
	get isPossible(): boolean {
		return this.offset > 0;
	}

	/** Where a byte of the literal packet's body stands in the plain text, which begins with the prefix. */
	inPlainText(offset: number): number {
		return PREFIX_BYTES + 1 + this.inner.placeOf(offset);
	}

	/** Where a byte of the encrypted packet's body stands in the file. */
	inFile(offset: number): number {
		return this.offset + 1 + this.outer.placeOf(offset);
	}
}

/** Undefined where the archive is not encrypted, or was written before pieces had one size. */
export function layoutOf({ encryption, size }: Pick<Manifest, 'encryption' | 'size'>): SealedLayout | undefined {
	return encryption?.pieces && new SealedLayout(encryption.pieces, size);
}

/**
 * Reads ranges of an encrypted archive of which the layout is known (layout.ts). In CFB mode, a block of plain text needs its own
 * block of cipher text and the one before, so a range can be decrypted by itself:
 *
 *     range of the file -> lengths of outer pieces compared and left out -> AES-256, begun with the block before the range
 *                       -> lengths of inner pieces compared and left out -> range of the compressed stream
 *
 * The MDC, a hash over all of the plain text at its very end, is not looked at. What comes out is authenticated by nothing but
 * the hashes of the frames that it holds: the reader hands out nothing that it has not compared with them.
 */
import { inSlices } from '../blocks';
import { ByteCursor, EndedEarly } from '../cursor';
import {
	LITERAL_HEAD,
	LITERAL_TAG,
	type PiecedBody,
	PREFIX_BYTES,
	type SealedLayout,
	SEIPD_TAG,
	SEIPD_VERSION,
} from './layout';
import { CfbDecipher } from './cfb-decipher';
import { RefusedMessage } from './packets';
import { limitsOf, NoSessionKey, readHead, type SessionKey, sessionKeysOf, type UnlockedKeys } from './session-keys';

const AES_BLOCK_BYTES = 16;
const SLICE_BYTES = 256 * 1024;

/** Reads a range of the file. Nothing is requested before its first chunk is asked for; `return` ends it. */
export type ReadRange = (start: number, end: number) => AsyncGenerator<Uint8Array>;

/** An archive whose ranges can be decrypted. */
export interface OpenedSeal {
	layout: SealedLayout;
	sessionKey: SessionKey;
}

/**
 * Reads the beginning of an archive, up to where the compressed stream begins, and finds the session key that fits.
 * @param facts What the manifest says: a file with more packets for passphrases or recipients is another one.
 * @param signal Looked at while the session key is searched, when nothing is read; the source looks at its own.
 * @throws NoSessionKey; RefusedMessage also where the file is not laid out as its manifest says; BackupError CANCELLED; errors of the source
 */
export async function openSeal(
	read: ReadRange,
	layout: SealedLayout,
	keys: UnlockedKeys,
	facts: { passphrase: boolean; recipients: string[] },
	signal: AbortSignal | undefined,
): Promise<OpenedSeal> {
	const { inner, outer } = layout;
	const literalHead = Buffer.concat([Buffer.of(LITERAL_TAG), inner.lengthOf(0), LITERAL_HEAD]);
	const encryptedBytes = PREFIX_BYTES + literalHead.length;
	const end = layout.inFile(SEIPD_VERSION.length + encryptedBytes - 1) + 1;
	const cursor = new ByteCursor(read(0, end));
	try {
		const { sessionKeyPackets, data } = await readHead(cursor, limitsOf(facts));
		const header = Buffer.concat([Buffer.of(SEIPD_TAG), outer.lengthOf(0)]);
		if (!header.equals(data.octets) || cursor.position !== layout.offset + header.length) throw otherLayout();
		if (!SEIPD_VERSION.equals(await cursor.take(SEIPD_VERSION.length))) throw otherLayout();
		const encrypted = await cursor.take(encryptedBytes);
		for (const sessionKey of await sessionKeysOf(sessionKeyPackets, keys, signal)) {
			const plain = decipherOf(sessionKey, Buffer.alloc(AES_BLOCK_BYTES)).update(encrypted);
			const isRepeated = plain.readUInt16BE(PREFIX_BYTES - 4) === plain.readUInt16BE(PREFIX_BYTES - 2);
			if (!isRepeated || plain[PREFIX_BYTES] !== LITERAL_TAG) continue;
			if (!literalHead.equals(plain.subarray(PREFIX_BYTES))) throw otherLayout();
			return { layout, sessionKey };
		}
		throw new NoSessionKey();
	} catch (error) {
		throw error instanceof EndedEarly ? otherLayout() : error;
	} finally {
		await cursor.close();
	}
}

/**
 * A range of the compressed stream, which nothing has authenticated.
 * @throws RefusedMessage, EndedEarly; errors of the source
 */
export async function* unsealRange(
	read: ReadRange,
	{ layout, sessionKey }: OpenedSeal,
	start: number,
	end: number,
): AsyncGenerator<Uint8Array> {
	if (start >= end) return;
	const [from, to] = [LITERAL_HEAD.length + start, LITERAL_HEAD.length + end];
	const first = layout.inPlainText(from);
	const block = first - (first % AES_BLOCK_BYTES);
	const bodyFrom = SEIPD_VERSION.length + Math.max(0, block - AES_BLOCK_BYTES);
	const bodyTo = SEIPD_VERSION.length + layout.inPlainText(to - 1) + 1;
	const stored = new ByteCursor(read(layout.inFile(bodyFrom), layout.inFile(bodyTo - 1) + 1));
	// What is decrypted was copied.
	stored.releasesSlices = true;
	try {
		const body = new ByteCursor(withoutLengths(stored, layout.outer, bodyFrom, bodyTo));
		const before = block === 0 ? Buffer.alloc(AES_BLOCK_BYTES) : await body.take(AES_BLOCK_BYTES);
		const plain = new ByteCursor(decrypted(body, decipherOf(sessionKey, before)), block);
		await plain.skipTo(first);
		yield* withoutLengths(plain, layout.inner, from, to);
	} finally {
		await stored.close();
	}
}

/** The bytes of a body from one offset to another; the lengths of the pieces that begin between them are compared. */
async function* withoutLengths(
	pieces: ByteCursor,
	body: PiecedBody,
	start: number,
	end: number,
): AsyncGenerator<Uint8Array> {
	for (let at = start; at < end;) {
		const piece = Math.floor(at / body.piece);
		if (at > start) {
			const length = body.lengthOf(piece);
			if (!length.equals(await pieces.take(length.length))) throw otherLayout();
		}
		const pieceEnd = Math.min(end, (piece + 1) * body.piece);
		yield* pieces.pass(pieceEnd - at);
		at = pieceEnd;
	}
}

async function* decrypted(body: ByteCursor, decipher: CfbDecipher): AsyncGenerator<Uint8Array> {
	for await (const slice of inSlices(body.remainder(), SLICE_BYTES)) yield decipher.update(slice);
}

function decipherOf({ data }: SessionKey, before: Uint8Array): CfbDecipher {
	return new CfbDecipher(data, before);
}

function otherLayout(): RefusedMessage {
	return new RefusedMessage('it is not laid out as its manifest says');
}

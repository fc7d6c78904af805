/*
 * Opens what files that others made are wrapped in: gzip, zstd and OpenPGP, one around the other.
 *
 * How bytes move through: the first 4 KiB are read and put back in front of the stream. Where they show a wrapper, a
 * decoder is put around the stream, and its output is looked at in the same way. Everything streams.
 */
import { BackupError } from '../../errors';
import { peek } from '../../storage/peek';
import { decompress } from './decompress';

export type Wrapper = 'gzip' | 'zstd' | 'openpgp';

/** A file without its wrappers. */
export interface UnpackedFile {
	/** What it was wrapped in, outermost first. */
	wrappers: Wrapper[];
	/** The first bytes of the content, at most HEAD_BYTES; not empty. */
	head: Buffer;
	/** The content, from its first byte. Ends with the errors of its source and of its wrappers. */
	stream: AsyncIterable<Buffer>;
}

export interface UnpackOptions {
	/** Called for an OpenPGP message; without it, an encrypted file is refused with KEY_MISSING. */
	decrypt?: ((message: AsyncIterable<Buffer>) => AsyncIterable<Uint8Array>) | undefined;
	signal?: AbortSignal | undefined;
}

/** So many bytes of a file are looked at. */
export const HEAD_BYTES = 4096;

const MAX_WRAPPERS = 4;

/**
 * Looks into a stream and through compression and encryption around it.
 * @throws BackupError ARCHIVE_INCOMPLETE for an empty file; INVALID_INPUT (wrapped more than four times, an OpenPGP message in
 * ASCII armour); KEY_MISSING; what `decrypt` throws; ARCHIVE_CORRUPT; CANCELLED; what the source throws
 */
export async function unpack(
	source: AsyncIterable<Uint8Array>,
	{ decrypt, signal }: UnpackOptions = {},
): Promise<UnpackedFile> {
	const wrappers: Wrapper[] = [];
	let stream = source;
	for (;;) {
		const { head, whole } = await peek(stream, HEAD_BYTES, signal);
		try {
			if (head.length === 0) {
				throw new BackupError('ARCHIVE_INCOMPLETE', 'The file is empty.', {
					hint: 'Fetch it again, or choose another one.',
				});
			}
			const wrapper = wrapperOf(head);
			if (!wrapper) return { wrappers, head, stream: whole };
			wrappers.push(wrapper);
			if (wrappers.length > MAX_WRAPPERS) {
				throw new BackupError('INVALID_INPUT', 'The file is wrapped too many times over.', {
					hint: 'Unpack it first.',
				});
			}
			stream =
				wrapper === 'openpgp' ? decrypted(head, whole, decrypt) : decompress(whole, wrapper, `its ${wrapper} data`);
		} catch (error) {
			await whole.return?.();
			throw error;
		}
	}
}

/** What a file that begins with these bytes is wrapped in; undefined for a file that is not wrapped. */
export function wrapperOf(head: Buffer): Wrapper | undefined {
	if (startsWith(head, [0x1f, 0x8b])) return 'gzip';
	if (startsWith(head, [0x28, 0xb5, 0x2f, 0xfd]) || isSkippableFrame(head)) return 'zstd';
	return isOpenPgp(head) ? 'openpgp' : undefined;
}

function startsWith(head: Buffer, magic: number[]): boolean {
	return magic.every((byte, index) => head[index] === byte);
}

/** zstd files may begin with a frame that holds no data (pzstd, seekable zstd): 50..5f 2a 4d 18. */
function isSkippableFrame(head: Buffer): boolean {
	return (head[0]! & 0xf0) === 0x50 && startsWith(head.subarray(1), [0x2a, 0x4d, 0x18]);
}

const ARMOUR = '-----BEGIN PGP MESSAGE-----';

function isArmoured(head: Buffer): boolean {
	return head.toString('latin1', 0, ARMOUR.length) === ARMOUR;
}

/** Armoured, or a packet that opens an encrypted message: tags 1 and 3 (keys), 9 and 18 (data), in either header form. */
function isOpenPgp(head: Buffer): boolean {
	if (isArmoured(head)) return true;
	const first = head[0] ?? 0;
	if ((first & 0x80) === 0) return false;
	const tag = (first & 0x40) !== 0 ? first & 0x3f : (first & 0x3c) >> 2;
	const known = tag === 1 || tag === 3 || tag === 9 || tag === 18;
	// Such a byte may begin a character of text, too; a packet's length and version hold bytes that text never does.
	return known && head.subarray(1, 8).some((byte) => byte < 0x09);
}

function decrypted(
	head: Buffer,
	message: AsyncIterable<Buffer>,
	decrypt: UnpackOptions['decrypt'],
): AsyncIterable<Uint8Array> {
	if (isArmoured(head)) {
		throw new BackupError('INVALID_INPUT', 'The file is an OpenPGP message in ASCII armour, which is not read here.', {
			hint: 'Turn it into binary with gpg --dearmor, or encrypt without --armor.',
		});
	}
	if (decrypt) return decrypt(message);
	throw new BackupError('KEY_MISSING', 'The file is encrypted with OpenPGP.', {
		hint: 'Choose a Backup Encryption credential with its passphrase or private key.',
	});
}

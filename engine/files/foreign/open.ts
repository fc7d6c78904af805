/**
 * Opens a tar that another program made: as it is, or in gzip, zstd or OpenPGP, by its content. How bytes move: the storage's are
 * counted, unwrapped, counted once more, and walked; so what a small file unpacks to has a limit, whatever it is wrapped in.
 */
import { decryptMessage, type DecryptionKeys, unpack } from '../../archive';
import { ByteCursor, EndedEarly } from '../../archive/cursor';
import { BackupError, throwIfCancelled } from '../../errors';
import { isTar, type MemberVisitor, TarDamage, walkTar } from '../../tar';
import { assertTar } from './formats';

/** A file that tar, or a program like it, has made. */
export interface ForeignTar {
	/** For messages. */
	name: string;
	/** Opens the file from its first byte. A restore reads it twice. */
	open: (signal?: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;
	/** For files encrypted with gpg. */
	keys?: DecryptionKeys | undefined;
	/** Refuses a file that is not encrypted: whoever holds the storage could have put it there. Default false. */
	mustBeEncrypted?: boolean;
}

/**
 * What unpacks to more is zeros, or the same over and over: gzip reaches 1,000, zstd any number. Such files there are, but not that
 * large; what is made to keep this machine busy for days is.
 */
const MOST_RATIO = 10_000;
const RATIO_FROM_BYTES = 16 * 1024 ** 3;

/** Ends a walk before the tar does. */
export class Enough extends Error {}

/**
 * Walks the tar to its end, or until `visit` throws Enough.
 * @throws BackupError INVALID_INPUT (no tar that is read here, with what to do), NOT_AUTHENTIC, KEY_MISSING, KEY_WRONG,
 * ARCHIVE_CORRUPT, ARCHIVE_INCOMPLETE, CANCELLED; what `visit` and opening the file throw
 */
export async function walkForeign(tar: ForeignTar, visit: MemberVisitor, signal: AbortSignal): Promise<void> {
	const cursor = new ByteCursor(await opened(tar, signal));
	try {
		const unlessCancelled: MemberVisitor = async (member, content) => {
			throwIfCancelled(signal);
			await visit(member, content);
		};
		await walkTar(cursor, unlessCancelled, { dialect: 'any', joined: true });
	} catch (error) {
		if (error instanceof Enough) return;
		throw explained(error, tar.name);
	} finally {
		await cursor.close();
	}
}

async function opened(tar: ForeignTar, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
	const { name, open, keys, mustBeEncrypted = false } = tar;
	const stored = { bytes: 0 };
	const { wrappers, head, stream } = await unpack(counted(await open(signal), stored), {
		signal,
		...(keys && { decrypt: (message) => decryptMessage(message, keys, signal) }),
	});
	try {
		assertTar(head, name, isTar);
		if (mustBeEncrypted && !wrappers.includes('openpgp')) {
			throw new BackupError('NOT_AUTHENTIC', `${name} is not encrypted, and Require Encryption is on.`, {
				hint: 'If it was made without encryption, switch Require Encryption off, or select no encryption credential.',
			});
		}
		return limited(stream, stored, name);
	} catch (error) {
		await stream[Symbol.asyncIterator]().return?.();
		throw error;
	}
}

async function* counted(source: AsyncIterable<Uint8Array>, count: { bytes: number }): AsyncGenerator<Uint8Array> {
	for await (const chunk of source) {
		count.bytes += chunk.length;
		yield chunk;
	}
}

/** @param stored how much of the file was read so far. @throws BackupError ARCHIVE_CORRUPT */
export async function* limited(
	unpacked: AsyncIterable<Uint8Array>,
	stored: Readonly<{ bytes: number }>,
	name: string,
): AsyncGenerator<Uint8Array> {
	let bytes = 0;
	for await (const chunk of unpacked) {
		bytes += chunk.length;
		if (bytes > RATIO_FROM_BYTES && bytes > stored.bytes * MOST_RATIO) {
			throw new BackupError('ARCHIVE_CORRUPT', `${name} unpacks to more than ${MOST_RATIO} times its size.`, {
				hint: 'It looks as if it were made to fill a disk. If you trust it, unpack it with tar.',
			});
		}
		yield chunk;
	}
}

function explained(error: unknown, name: string): unknown {
	if (error instanceof EndedEarly) {
		return new BackupError('ARCHIVE_INCOMPLETE', `The tar ${name} ends too early.`, {
			cause: error,
			hint: 'The file was cut off. Fetch it again, or choose another one.',
		});
	}
	if (!(error instanceof TarDamage)) return error;
	return new BackupError('ARCHIVE_CORRUPT', `The tar ${name} ${error.message}.`, {
		cause: error,
		hint: 'Do not rely on it. Fetch it again, or choose another one.',
	});
}

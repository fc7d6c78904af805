/**
 * Messages that have no manifest: files that somebody encrypted with gpg or another program. What has the form of our own
 * archives inside, unseal.ts reads; every other form openpgp.js. Its limits are few, so it gets the message cut
 * anew: without what comes in front of the packets that it needs, and in pieces of one size.
 */
import { BackupError } from '../../errors';
import { ByteCursor, EndedEarly } from '../cursor';
import { type DecryptionKeys, loadOpenpgp, readUnlockedKeys } from './keys';
import { bodyOf, knownLength, partialLength, RefusedMessage } from './packets';
import {
	type MessageHead,
	NoSessionKey,
	readHead,
	type SessionKey,
	type SessionKeyLimits,
	sessionKeysOf,
	type UnlockedKeys,
	UnreadableCipher,
} from './session-keys';
import { OpenpgpSource } from './openpgp-source';
import { unseal } from './unseal';

/** gpg writes one packet for a passphrase at most, openpgp.js as many as it is given; groups of recipients may be large. */
const LIMITS: SessionKeyLimits = { passphrases: 4, recipients: 64 };

const PIECE_BITS = 16;
const PIECE_BYTES = 2 ** PIECE_BITS;

/**
 * Decrypts an OpenPGP message. What comes out is authenticated only once it has ended without an error.
 * @param signal Looked at while the session key is searched, when nothing is read; the source looks at its own.
 * @throws BackupError KEY_MISSING, KEY_WRONG, INVALID_INPUT (not a private key), UNSUPPORTED_VERSION (another cipher than AES),
 * ARCHIVE_CORRUPT, CANCELLED; errors of the source.
 */
export async function* decryptMessage(
	source: AsyncIterable<Uint8Array>,
	keys: DecryptionKeys,
	signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
	const passphrase = keys.passphrase || undefined;
	const privateKeys = await readUnlockedKeys(keys.privateKeys ?? []);
	if (!passphrase && privateKeys.length === 0) {
		throw new BackupError('KEY_MISSING', 'The file is encrypted, and nothing that opens it was given.', {
			hint: 'Select an encryption credential with its passphrase or private key.',
		});
	}
	let begun = false;
	try {
		for await (const chunk of decrypt(source[Symbol.asyncIterator](), { passphrase, privateKeys }, signal)) {
			begun = true;
			yield chunk;
		}
	} catch (error) {
		throw explained(error, passphrase !== undefined, begun);
	}
}

function explained(cause: unknown, hasPassphrase: boolean, begun: boolean): unknown {
	if (cause instanceof BackupError) return cause;
	if (cause instanceof UnreadableCipher) {
		return new BackupError('UNSUPPORTED_VERSION', `The encrypted file cannot be read here: ${cause.message}.`, {
			cause,
			hint: 'Decrypt it with gpg, and use what comes out.',
		});
	}
	if (cause instanceof RefusedMessage) {
		return new BackupError('ARCHIVE_CORRUPT', `The encrypted file cannot be read: ${cause.message}.`, {
			cause,
			hint: 'Fetch it again. If that does not help, decrypt it with gpg, and use what comes out.',
		});
	}
	const isIncomplete = cause instanceof EndedEarly;
	// gpg derives the key of a symmetric message from the passphrase: a wrong one looks like damage from the first byte on.
	if (cause instanceof NoSessionKey || (hasPassphrase && !begun && !isIncomplete)) {
		return new BackupError('KEY_WRONG', 'The passphrase or key given does not open the file.', {
			cause,
			hint: 'Select the encryption credential that it was encrypted with. If it is the right one, the file is damaged: fetch it again.',
		});
	}
	return new BackupError('ARCHIVE_CORRUPT', 'The encrypted file is damaged or incomplete.', {
		cause,
		// Of messages in the forms that openpgp.js reads, one in a hundred looks like a content that begins, under a wrong key.
		hint: hasPassphrase
			? 'Fetch it again, and make sure that the passphrase is the right one: a wrong one can look so, too.'
			: 'Fetch it again.',
	});
}

async function* decrypt(
	source: AsyncIterator<Uint8Array>,
	keys: UnlockedKeys,
	signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
	const replay = new Replay(source);
	const cursor = new ByteCursor(replay);
	const head = await readHead(cursor, LIMITS);
	const sessionKeys = await sessionKeysOf(head.sessionKeyPackets, keys, signal);
	if (sessionKeys.length === 0) throw new NoSessionKey();
	const content = await unseal(cursor, head.data, sessionKeys);
	if (content) {
		replay.forget();
		yield* content;
		return;
	}
	const encrypted = new OpenpgpSource(cutAnew(replay.again()));
	try {
		yield* await byOpenpgp(encrypted, sessionKeys);
	} catch (error) {
		throw encrypted.failure ? encrypted.failure.error : error;
	}
}

/** A source whose beginning may be read a second time. */
class Replay implements AsyncIterable<Uint8Array> {
	#seen: Uint8Array[] | undefined = [];

	constructor(private readonly source: AsyncIterator<Uint8Array>) {}

	[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
		return {
			next: async () => {
				const result = await this.source.next();
				if (!result.done) this.#seen?.push(result.value);
				return result;
			},
		};
	}

	/** Nothing will be read again. */
	forget(): void {
		this.#seen = undefined;
	}

	/** All of the source, from its beginning. */
	again(): AsyncIterable<Uint8Array> {
		const seen = this.#seen ?? [];
		this.#seen = undefined;
		const next = async (): Promise<IteratorResult<Uint8Array>> => {
			const value = seen.shift();
			return value ? { done: false, value } : await this.source.next();
		};
		return { [Symbol.asyncIterator]: () => ({ next }) };
	}
}

/** The same message, its packet of encrypted data in pieces of 64 KiB. @throws RefusedMessage, EndedEarly; errors of the source */
async function* cutAnew(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
	const cursor = new ByteCursor(source);
	const { sessionKeyPackets, data }: MessageHead = await readHead(cursor, LIMITS);
	yield Buffer.concat(sessionKeyPackets.map(({ bytes }) => bytes));
	if (!data.length) {
		yield data.octets;
		yield* cursor.remainder();
		return;
	}
	yield Buffer.of(0xc0 | data.tag);
	yield* inPieces(bodyOf(cursor, data.length));
	if (!(await cursor.atEnd())) throw new RefusedMessage('there are bytes after its end');
}

/** A packet's body with its lengths. */
async function* inPieces(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
	const begin = () => Buffer.allocUnsafeSlow(1 + PIECE_BYTES);
	let piece = begin();
	let used = 0;
	for await (const chunk of body) {
		for (let at = 0; at < chunk.length;) {
			const part = chunk.subarray(at, at + PIECE_BYTES - used);
			piece.set(part, 1 + used);
			at += part.length;
			used += part.length;
			if (used < PIECE_BYTES) continue;
			piece[0] = partialLength(PIECE_BITS);
			yield piece;
			piece = begin();
			used = 0;
		}
	}
	yield Buffer.concat([knownLength(used), piece.subarray(1, 1 + used)]);
}

async function byOpenpgp(encrypted: OpenpgpSource, sessionKeys: SessionKey[]): Promise<AsyncIterable<Uint8Array>> {
	const openpgp = await loadOpenpgp();
	// openpgp.js 6 takes web streams only.
	const binaryMessage = ReadableStream.from<Uint8Array>({
		[Symbol.asyncIterator]: () => ({ next: () => encrypted.next() }),
	});
	const message = await openpgp.readMessage({ binaryMessage });
	const decrypting: Promise<unknown> = openpgp.decrypt({
		message,
		sessionKeys,
		format: 'binary',
		// Without it all would have to fit in memory.
		config: { allowUnauthenticatedStream: true },
	});
	return ((await encrypted.begin(decrypting)) as { data: AsyncIterable<Uint8Array> }).data;
}

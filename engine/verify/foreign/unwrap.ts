import { type DecryptionKeys, decryptMessage } from '../../archive';
import { BackupError } from '../../errors';
import { decompress } from '../../postgres/foreign/decompress';
import { peek } from '../../storage/peek';
import { HEAD_BYTES, recognise, type Recognised } from './recognise';

export type Wrapper = 'gzip' | 'zstd' | 'openpgp';

export interface Unwrapped {
	kind: Exclude<Recognised, Wrapper>;
	/** Outermost first. */
	wrappers: Wrapper[];
	/** The content, from its first byte. Ends with the errors of its source and of its wrappers. */
	stream: AsyncIterable<Uint8Array>;
}

const MAX_WRAPPERS = 4;

/**
 * Looks into a stream, and through compression and encryption around it.
 * @throws BackupError INVALID_INPUT for what is not known, KEY_MISSING, KEY_WRONG, ARCHIVE_CORRUPT, ARCHIVE_INCOMPLETE,
 * CANCELLED; what the source throws
 */
export async function unwrap(
	source: AsyncIterable<Uint8Array>,
	keys: DecryptionKeys | undefined,
	signal: AbortSignal | undefined,
): Promise<Unwrapped> {
	const wrappers: Wrapper[] = [];
	let stream = source;
	for (;;) {
		const { head, whole } = await peek(stream, HEAD_BYTES, signal);
		const kind = recognise(head);
		if (kind !== 'gzip' && kind !== 'zstd' && kind !== 'openpgp') return { kind, wrappers, stream: whole };
		wrappers.push(kind);
		if (wrappers.length > MAX_WRAPPERS) {
			throw new BackupError('INVALID_INPUT', 'The file is wrapped too many times over.', { hint: 'Unpack it first.' });
		}
		stream = kind === 'openpgp' ? decrypt(head, whole, keys) : decompress(whole, kind, `its ${kind} data`);
	}
}

function decrypt(
	head: Buffer,
	message: AsyncIterable<Uint8Array>,
	keys: DecryptionKeys | undefined,
): AsyncIterable<Uint8Array> {
	if (head.toString('latin1', 0, 5) !== '-----') return decryptMessage(message, keys ?? {});
	throw new BackupError('INVALID_INPUT', 'The file is an OpenPGP message in ASCII armour, which is not read here.', {
		hint: 'Turn it into binary with gpg --dearmor, or encrypt without --armor.',
	});
}

import { type DecryptionKeys, decryptMessage, unpack, type Wrapper } from '../../archive';
import { recognise, type Recognised } from './recognise';

export interface Unwrapped {
	kind: Recognised;
	/** Outermost first. */
	wrappers: Wrapper[];
	/** The content, from its first byte. Ends with the errors of its source and of its wrappers. */
	stream: AsyncIterable<Uint8Array>;
}

/**
 * Looks into a stream, and through compression and encryption around it.
 * @throws BackupError as unpack and recognise do
 */
export async function unwrap(
	source: AsyncIterable<Uint8Array>,
	keys: DecryptionKeys | undefined,
	signal: AbortSignal | undefined,
): Promise<Unwrapped> {
	const decrypt = (message: AsyncIterable<Uint8Array>) => decryptMessage(message, keys ?? {});
	const { wrappers, head, stream } = await unpack(source, { decrypt, signal });
	return { kind: recognise(head), wrappers, stream };
}

import { BackupError } from '../errors';
import { type DecryptionKeys, decryptStream, NoSessionKey } from './encryption';
import { readUnlockedKeys } from './openpgp-keys';

/**
 * Decrypts an OpenPGP message that has no manifest: a file that somebody encrypted with gpg. What comes out is
 * authenticated only once it has ended without an error.
 * @throws BackupError KEY_MISSING, KEY_WRONG, INVALID_INPUT (not a private key), ARCHIVE_CORRUPT; errors of the source.
 */
export async function* decryptMessage(
	source: AsyncIterable<Uint8Array>,
	keys: DecryptionKeys,
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
		for await (const chunk of decryptStream(source[Symbol.asyncIterator](), { passphrase, privateKeys })) {
			begun = true;
			yield chunk;
		}
	} catch (error) {
		if (error instanceof BackupError) throw error;
		// gpg derives the key of a symmetric message from the passphrase: a wrong one looks like damage from the first byte on.
		if (error instanceof NoSessionKey || (passphrase && !begun)) {
			throw new BackupError('KEY_WRONG', 'The passphrase or key given does not open the file.', {
				cause: error,
				hint: 'Select the encryption credential that it was encrypted with. If it is the right one, the file is damaged: fetch it again.',
			});
		}
		throw new BackupError('ARCHIVE_CORRUPT', 'The encrypted file is damaged or incomplete.', {
			cause: error,
			// About one in a hundred messages looks like the beginning of a content after decryption with a wrong key.
			hint: passphrase
				? 'Fetch it again, and make sure that the passphrase is the right one: a wrong one can look so, too.'
				: 'Fetch it again.',
		});
	}
}

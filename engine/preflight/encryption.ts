import { checkKeys, type DecryptionKeys, type EncryptionKeys } from '../archive';

import { finder, findingsOf, type SetupFinding } from './finding';

export interface Keys {
	/** Undefined where there is nothing to encrypt with. */
	encryption: EncryptionKeys | undefined;
	/** Undefined where there is nothing to decrypt with. */
	decryption: DecryptionKeys | undefined;
}

const ABOUT = 'Backup Encryption';

/** Guesses that a passphrase should withstand, as a power of two. Archives may be tried without end by whoever has them. */
const WANTED_BITS = 64;

const STRONGER =
	'Make a new one, such as by `openssl rand -base64 24`, put it into a credential of its own for the backups from now on, and keep this one for those that there are.';

/** Encrypts a few bytes with the keys and decrypts them again, as back ups and restores do. @throws BackupError CANCELLED */
export async function encryptionFindings({ encryption, decryption }: Keys): Promise<SetupFinding[]> {
	const backup = finder('Encryption', ABOUT, 'backup');
	const restore = finder('Encryption', ABOUT, 'restore');
	return await findingsOf(backup, async () => {
		const { encrypts, decrypts } = await checkKeys(encryption, decryption);
		return [
			encrypts
				? backup.ok('What is encrypted with the keys was encrypted.')
				: backup.warning(
						'The credential only holds private keys: it opens backups, and there is nothing to encrypt with.',
						'Fill in a passphrase or the public keys, or select another credential for back ups.',
					),
			decrypts
				? restore.ok('What was encrypted was decrypted again.')
				: restore.ok(
						'Restoring will need a credential with the private key, which this one has not: keep it where it can be found.',
					),
			...passphraseFindings(encryption?.passphrase),
		];
	});
}

function passphraseFindings(passphrase: string | undefined): SetupFinding[] {
	if (!passphrase || bitsOf(passphrase) >= WANTED_BITS) return [];
	const { warning } = finder('Passphrase', ABOUT, 'backup');
	return [warning('The passphrase is short enough to be guessed by who has an archive.', STRONGER)];
}

/** An upper bound: as if each character had been drawn from its sorts. One that comes again and again counts for little. */
function bitsOf(passphrase: string): number {
	const sorts: Array<[RegExp, number]> = [
		[/[a-z]/, 26],
		[/[A-Z]/, 26],
		[/[0-9]/, 10],
		[/[^a-zA-Z0-9]/, 32],
	];
	const alphabet = sorts.reduce((sum, [sort, size]) => sum + (sort.test(passphrase) ? size : 0), 0);
	const characters = [...passphrase];
	return Math.min(characters.length, 2 * new Set(characters).size) * Math.log2(alphabet);
}

/**
 * In which form a backup goes to the target: as it is, encrypted on its way, or decrypted where it was encrypted on its way before. Its id and all
 * that its manifest says of it stay; the file has another name, size and hash. The parts of an archive are counted before
 * encryption, so they stay as well, and such a copy is an ordinary encrypted archive: it restores and is verified by itself.
 */
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

import {
	formatManifest,
	folderOf,
	keyIn,
	LIMITS,
	type Manifest,
	type ManifestSummary,
	parseManifest,
} from '../archive';
import { summaryOf } from '../archive/catalog/entry';
import type { Encryptor } from '../archive/encryption/encryption';
import { assertReadable } from '../archive/manifest/room';
import { BackupError } from '../errors';
import { isSameBackup } from './side';

/** Ends the name of an archive that is encrypted. */
const ENCRYPTED = '.gpg';

/** What becomes of the encryption of what is copied; by default nothing. */
export type EncryptionOnTheWay = 'encrypt' | 'decrypt' | undefined;

/** The form in which a backup goes to the target. */
export type CopyForm = 'asIs' | 'encrypted' | 'decrypted';

/** Only what is not encrypted is encrypted, and only what was encrypted on its way is decrypted. */
export function formOf({ encryption, original }: ManifestSummary, onTheWay: EncryptionOnTheWay): CopyForm {
	if (onTheWay === 'encrypt' && !encryption) return 'encrypted';
	return onTheWay === 'decrypt' && original ? 'decrypted' : 'asIs';
}

/** The key that a backup gets in the target. */
export function targetKeyOf(key: string, manifest: ManifestSummary, onTheWay: EncryptionOnTheWay): string {
	const form = formOf(manifest, onTheWay);
	if (form === 'encrypted') return `${key}${ENCRYPTED}`;
	return form === 'decrypted' ? keyIn(folderOf(key), manifest.original!.file) : key;
}

/** All keys under which copies of a backup may stand. */
export function possibleKeysOf(key: string, { original }: ManifestSummary): string[] {
	return [key, `${key}${ENCRYPTED}`, ...(original ? [keyIn(folderOf(key), original.file)] : [])];
}

/** The manifest of a copy that was encrypted, with its proof. @throws BackupError MANIFEST_INVALID, SOURCE_FAILED */
export async function encryptedManifest(
	{ manifest, content }: { manifest: Manifest; content: Buffer },
	stored: { sha256: string; size: number },
	encryptor: Encryptor,
): Promise<Buffer> {
	const { file, sha256, size } = manifest;
	const text = formatManifest(
		await encryptor.prove({
			...manifest,
			file: `${file}${ENCRYPTED}`,
			encryption: encryptor.facts,
			size: { ...size, stored: stored.size },
			sha256: stored.sha256,
			original: { file, sha256, stored: size.stored },
			originalManifest: (await promisify(gzip)(content)).toString('base64'),
		}),
	);
	// What could not be read again must never become one.
	assertReadable(text, file);
	parseManifest(text, file);
	return Buffer.from(text);
}

/** The manifest that a copy had before it was encrypted, and its text. @throws BackupError MANIFEST_INVALID where it is of another backup */
export async function originalOf(manifest: Manifest, where: string): Promise<{ manifest: Manifest; content: Buffer }> {
	const compressed = Buffer.from(manifest.originalManifest ?? '', 'base64');
	const content = await promisify(gunzip)(compressed, { maxOutputLength: LIMITS.manifest }).catch((cause: unknown) => {
		throw ofAnother(where, cause);
	});
	const original = parseManifest(content.toString('utf8'), where);
	const { file, sha256, size, encryption } = original;
	const stated = manifest.original;
	const isStated = file === stated?.file && sha256 === stated.sha256 && size.stored === stated.stored && !encryption;
	if (!isStated || !isSameBackup(summaryOf(original), summaryOf(manifest))) throw ofAnother(where);
	return { manifest: original, content };
}

function ofAnother(where: string, cause?: unknown): BackupError {
	return new BackupError('MANIFEST_INVALID', `The manifest ${where} does not hold that of its original.`, {
		cause,
		hint: 'It was damaged or forged. The archive itself may still be restored where it lies.',
	});
}

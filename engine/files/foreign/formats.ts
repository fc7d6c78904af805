/** What people take for a tar that is read here, by its first bytes, and what to do with it. */
import { BackupError } from '../../errors';

interface OtherForm {
	/** Latin-1, at the beginning of the file. */
	magic: string;
	/** `bzip2`. */
	what: string;
	hint: string;
}

function compressed(magic: string, what: string, command: string): OtherForm {
	const hint = `Compress it anew, then choose the new file: ${command} -dc file | zstd > file.zst (or gzip in the place of zstd).`;
	return { magic, what: `compressed by ${what}, which is not read here`, hint };
}

function archive(magic: string, what: string): OtherForm {
	const hint = 'Unpack it, and pack what is in it with tar; the node Compression of n8n opens zip files.';
	return { magic, what: `a ${what} archive and no tar`, hint };
}

const OTHERS: readonly OtherForm[] = [
	compressed('BZh', 'bzip2', 'bzip2'),
	compressed('\xfd7zXZ\0', 'xz', 'xz'),
	compressed('LZIP', 'lzip', 'lzip'),
	compressed('\x04\x22\x4d\x18', 'lz4', 'lz4'),
	compressed('\x1f\x9d', 'compress', 'gzip'),
	compressed('\x5d\0\0', 'lzma', 'xz'),
	archive('PK', 'zip'),
	archive("7z\xbc\xaf'\x1c", '7-Zip'),
	archive('Rar!', 'RAR'),
	archive('070701', 'cpio'),
	archive('070707', 'cpio'),
];

/**
 * @param head the first bytes of a file, without gzip, zstd and OpenPGP around it
 * @throws BackupError INVALID_INPUT
 */
export function assertTar(head: Buffer, name: string, isTar: (head: Uint8Array) => boolean): void {
	if (isTar(head)) return;
	const start = head.toString('latin1', 0, 8);
	const other = OTHERS.find(({ magic }) => start.startsWith(magic));
	if (other) throw new BackupError('INVALID_INPUT', `${name} is ${other.what}.`, { hint: other.hint });
	throw new BackupError('INVALID_INPUT', `${name} is no tar, nor one in gzip, zstd or OpenPGP.`, {
		hint: 'Choose a .tar, .tar.gz, .tgz or .tar.zst, or one of these encrypted by gpg. Backups of this node are chosen in Backup Storage.',
	});
}

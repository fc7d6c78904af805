import { readSmallObject, TooLarge } from '../../archive';
import type { Storage } from '../../storage';

const MAX_BYTES = 1024 * 1024;

/** The checksum file `<file>.sha256` beside a file. */
export interface Sidecar {
	key: string;
	/** Undefined where it does not hold the hash of this file. */
	sha256: string | undefined;
}

/**
 * Reads `<file>.sha256` in the forms of sha256sum, BSD's sha256 and a bare hash; undefined where there is no such file.
 * @throws BackupError CANCELLED, and what the storage throws
 */
export async function readSidecar(
	storage: Storage,
	fileKey: string,
	signal?: AbortSignal,
): Promise<Sidecar | undefined> {
	const key = `${fileKey}.sha256`;
	try {
		const content = await readSmallObject(storage, key, MAX_BYTES, signal);
		if (!content) return undefined;
		return { key, sha256: hashIn(content.toString('utf8'), fileKey.slice(fileKey.lastIndexOf('/') + 1)) };
	} catch (error) {
		if (error instanceof TooLarge) return { key, sha256: undefined };
		throw error;
	}
}

/** The hash in the line that names the file. Where there is one line only, its name does not matter, because files get renamed. */
function hashIn(text: string, file: string): string | undefined {
	const lines = text.split(/\r?\n/).flatMap((line) => {
		const gnu = /^\\?([0-9a-f]{64})(?:[ \t]+\*?(.*))?$/i.exec(line.trim());
		const bsd = /^SHA256 \((.*)\) = ([0-9a-f]{64})$/i.exec(line.trim());
		if (gnu) return [{ sha256: gnu[1]!.toLowerCase(), name: gnu[2] ?? '' }];
		return bsd ? [{ sha256: bsd[2]!.toLowerCase(), name: bsd[1] ?? '' }] : [];
	});
	if (lines.length === 1) return lines[0]!.sha256;
	return lines.find(({ name }) => name === file || name.endsWith(`/${file}`))?.sha256;
}

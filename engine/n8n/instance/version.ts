/** Versions of n8n: that of this process, and whether one may open the database of another. */
import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';

export const UNKNOWN_VERSION = 'unknown';

/**
 * The version of the n8n that was started by a program: that of the package `n8n` that the program lies in.
 * @param program as in `process.argv[1]`; it may be a link
 */
export function versionOfProgram(program: string | undefined): string {
	if (!program) return UNKNOWN_VERSION;
	let folder: string;
	try {
		folder = path.dirname(realpathSync(program));
	} catch {
		return UNKNOWN_VERSION;
	}
	for (;;) {
		const version = versionIn(path.join(folder, 'package.json'));
		if (version !== undefined) return version;
		const above = path.dirname(folder);
		if (above === folder) return UNKNOWN_VERSION;
		folder = above;
	}
}

function versionIn(file: string): string | undefined {
	try {
		const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown; version?: unknown };
		return name === 'n8n' && typeof version === 'string' ? version : undefined;
	} catch {
		return undefined;
	}
}

/**
 * Whether a version of n8n comes before another: it must not open the other's database, whose form it does not know. n8n itself
 * starts on it all the same, and fails later. Undefined where one of the two is no version.
 */
export function isOlder(version: string, than: string): boolean | undefined {
	const [one, other] = [numbersOf(version), numbersOf(than)];
	if (!one || !other) return undefined;
	const index = one.findIndex((number, at) => number !== other[at]);
	return index >= 0 && one[index]! < other[index]!;
}

function numbersOf(version: string): number[] | undefined {
	const [, ...numbers] = /^v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:[-+].*)?$/.exec(version.trim()) ?? [];
	return numbers.length === 3 ? numbers.map(Number) : undefined;
}

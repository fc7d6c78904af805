import type { ManifestPart } from './manifest';

const SHA256 = /^[0-9a-f]{64}$/;

/**
 * Whether the parts of a manifest are what its schema says, found by plain code: an index may have hundreds of thousands,
 * and a storage a hundred thousand manifests, for which the schema takes five times as long. It errs on one side only:
 * false where the schema would refuse them or drop something from them, and then the schema decides, and says what is
 * wrong (test/unit/archive/manifest-parts.test.ts holds the two against each other).
 * @param parts as `JSON.parse` gave them
 * @param tables how many tables the manifest lists
 */
export function areValidParts(parts: unknown, tables: number): parts is ManifestPart[] {
	return Array.isArray(parts) && parts.every((part) => isValidPart(part, tables));
}

function isValidPart(part: unknown, tables: number): boolean {
	if (typeof part !== 'object' || part === null || Array.isArray(part)) return false;
	const { type, offset, length, rawLength, sha256, table, rows } = part as Record<string, unknown>;
	let members = 5;
	if (typeof type !== 'string' || !isCount(offset) || !isCount(length) || !isCount(rawLength)) return false;
	if (typeof sha256 !== 'string' || !SHA256.test(sha256)) return false;
	if (table !== undefined) {
		if (!isCount(table) || table >= tables) return false;
		members++;
	}
	if (rows !== undefined) {
		if (!isCount(rows)) return false;
		members++;
	}
	// Anything more is of a later version; the schema drops it.
	return Object.keys(part).length === members;
}

function isCount(value: unknown): value is number {
	return Number.isInteger(value) && (value as number) >= 0;
}

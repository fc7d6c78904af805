/**
 * The text of a manifest, and its checksum: against damage, not against people, who can compute it as well (that is what
 * authenticity.ts is for). It covers every value and name, not the white space between them.
 */
import { hash } from 'node:crypto';

import { BackupError } from '../../errors';
import { canonicalJson } from './canonical';
import {
	BACKUP_KINDS,
	CHECKPOINT_VERSION,
	CHECKSUM,
	MANIFEST_VERSION,
	manifestSchema,
	type Manifest,
} from './manifest';
import { manifestCheck } from './check';
import { longForm, MANY_TABLES_VERSION, shortForm } from './many-tables';
import { newerManifest } from './newer';

const READ_VERSIONS: ReadonlySet<unknown> = new Set([1, MANIFEST_VERSION, CHECKPOINT_VERSION]);

const isPlainlyValid = manifestCheck(MANIFEST_VERSION, BACKUP_KINDS, CHECKSUM);

const DAMAGED = 'It was damaged or edited. Choose another backup; the archive itself may still open with stock tools.';

/**
 * Parses and validates a manifest's text.
 * @throws BackupError MANIFEST_INVALID that names the manifest and the first thing wrong with it; NewerManifest
 */
export function parseManifest(text: string, where: string): Manifest {
	const json = writtenOut(jsonOf(text, where), where);
	assertChecksum(json, (json as { formatVersion?: unknown } | null)?.formatVersion, where);
	return validated(json, where);
}

function jsonOf(text: string, where: string): unknown {
	try {
		return JSON.parse(text);
	} catch (cause) {
		throw new BackupError('MANIFEST_INVALID', `The manifest ${where} is not valid JSON.`, { cause, hint: DAMAGED });
	}
}

/** A manifest in its long form. @throws BackupError MANIFEST_INVALID where it says that it has a short one, and has not */
function writtenOut(json: unknown, where: string): unknown {
	const stated = json as { formatVersion?: unknown } | null;
	if (stated?.formatVersion !== MANY_TABLES_VERSION) return json;
	const long = longForm(stated);
	if (long) return long;
	throw new BackupError(
		'MANIFEST_INVALID',
		`The manifest ${where} is not valid: its tables are not listed as they should be.`,
		{
			hint: DAMAGED,
		},
	);
}

/** What the schema makes of a manifest, whatever its checksum. @throws BackupError MANIFEST_INVALID, NewerManifest */
export function validated(json: unknown, where: string): Manifest {
	if (isPlainlyValid(json)) return withDefaults(json as Manifest);
	const newer = newerManifest(json, where);
	if (newer) throw newer;
	const result = manifestSchema.safeParse(json);
	if (!result.success) {
		const issue = result.error.issues[0];
		const problem = `${issue?.path.join('.') || 'document'}: ${issue?.message ?? 'unknown'}`;
		throw new BackupError('MANIFEST_INVALID', `The manifest ${where} is not valid: ${problem}.`, { hint: DAMAGED });
	}
	// What a later version of this package has added stays, for the proof covers it.
	return result.data.formatVersion === 1 ? result.data : withDefaults(json as Manifest);
}

/** What the schema makes of a manifest of which it has nothing to say. */
function withDefaults(json: Manifest): Manifest {
	const { [CHECKSUM]: _checksum, ...manifest } = json as Manifest & { [CHECKSUM]?: string };
	manifest.options ??= {};
	manifest.warnings ??= [];
	manifest.tags ??= [];
	return manifest;
}

/**
 * Compares the checksum. Of version 1, which has it since some time only, a manifest without one is taken as it is; of
 * every other one it is required, or a single damaged letter in its name would take it away.
 */
function assertChecksum(json: unknown, version: unknown, where: string): void {
	// What is no manifest at all, the schema says better.
	if (typeof json !== 'object' || json === null) return;
	const { [CHECKSUM]: stated, ...content } = json as Record<string, unknown>;
	if (!READ_VERSIONS.has(version)) return assertNotOfThisVersion(content, stated, where);
	if (version === 1 && !Object.hasOwn(json, CHECKSUM)) return;
	const found = stated !== undefined && checksumOf(content, where);
	if (found !== false && stated === found) return;
	throw wrongChecksum(where, stated);
}

function wrongChecksum(where: string, stated: unknown): BackupError {
	return new BackupError(
		'MANIFEST_INVALID',
		stated === undefined
			? `The manifest ${where} has lost its checksum, "${CHECKSUM}".`
			: `The manifest ${where} is not the one that was written: its checksum is wrong.`,
		{ hint: DAMAGED },
	);
}

/** A manifest of this version in which only the version's number was damaged is no newer one. */
function assertNotOfThisVersion(content: Record<string, unknown>, stated: unknown, where: string): void {
	if (typeof stated !== 'string') return;
	for (const formatVersion of [MANIFEST_VERSION, CHECKPOINT_VERSION]) {
		if (checksumOf({ ...content, formatVersion }, where) === stated) throw wrongChecksum(where, stated);
	}
	const long = longForm(content);
	if (long && checksumOf(long, where) === stated) throw wrongChecksum(where, stated);
}

/** Version 1 is hashed in the order of its text, which JSON keeps when it is read and written again. */
function checksumOf(content: { formatVersion?: unknown; [name: string]: unknown }, where: string): string {
	try {
		return hash('sha256', content.formatVersion === 1 ? JSON.stringify(content) : canonicalJson(content), 'hex');
	} catch (cause) {
		// Nested so deep that nobody reads it, or with members that hide from some readers.
		throw new BackupError('MANIFEST_INVALID', `The manifest ${where} is not valid.`, { cause, hint: DAMAGED });
	}
}

/** A manifest as its text has it, with the checksum: to be handed on and parsed again. */
export function manifestDocument(manifest: Manifest): Manifest & { [CHECKSUM]: string } {
	const { parts, ...head } = manifest;
	return { ...head, [CHECKSUM]: checksumOf({ ...head, parts }, manifest.file), parts };
}

/** Members of which a manifest may have very many: these go one a line, so that they take little room and still read and diff well. */
const ONE_A_LINE = new Set(['parts', 'tables']);

/** The text stored as `<file>.manifest.json`, with a checksum of its content. */
export function formatManifest(manifest: Manifest): string {
	const members = Object.entries(shortForm(manifestDocument(manifest))).flatMap(([name, value]: [string, unknown]) => {
		if (value === undefined) return [];
		const text = ONE_A_LINE.has(name) ? oneALine(value as unknown[]) : JSON.stringify(value, null, 2);
		return [`${JSON.stringify(name)}: ${text}`];
	});
	return `{${`\n${members.join(',\n')}`.replaceAll('\n', '\n  ')}\n}\n`;
}

function oneALine(list: unknown[]): string {
	return list.length > 0 ? `[\n${list.map((item) => `  ${JSON.stringify(item)}`).join(',\n')}\n]` : '[]';
}

import { hash } from 'node:crypto';

import { z } from 'zod';

import { BackupError } from '../errors';
import { manifestCheck } from './manifest-check';

/** Ends the name of every manifest: `<archive file>.manifest.json`. */
export const MANIFEST_SUFFIX = '.manifest.json';

export const MANIFEST_VERSION = 1;

/** SHA-256 of the manifest without this member, as compact JSON in the order of the file. Only the text has it. */
export const CHECKSUM = 'manifestSha256';

export const BACKUP_KINDS = [
	'postgres',
	'postgres-globals',
	'qdrant',
	'qdrant-storage',
	'minio',
	'files',
	'n8n',
] as const;
export type BackupKind = (typeof BACKUP_KINDS)[number];

const bytes = z.number().int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/**
 * One independently compressed frame (a zstd frame, a gzip member) of an archive. Offsets count in the compressed
 * stream before encryption, so they are offsets into the file itself exactly when the archive is not encrypted.
 */
const partSchema = z.object({
	/** What the part holds, in the terms of the archive's kind: `pre-data`, `data`, `large-objects`, `post-data`, `stream`. */
	type: z.string(),
	offset: bytes,
	length: bytes,
	rawLength: bytes,
	/** Of the compressed frame. */
	sha256,
	/** Index into `tables`, for a part that holds rows of one table. */
	table: z.number().int().nonnegative().optional(),
	rows: z.number().int().nonnegative().optional(),
});

const tableSchema = z.object({
	schema: z.string(),
	name: z.string(),
	rows: z.number().int().nonnegative(),
	/** Raw bytes of its rows as the archive holds them. */
	bytes,
	/** Those that belong to its columns, where the archive holds no definitions to say so (PostgreSQL, rows alone). */
	sequences: z.array(z.object({ schema: z.string(), name: z.string() })).optional(),
});

/** What a backup holds that, by choice, does not hold all of its source. */
const partialSchema = z.object({
	/** `schema`: definitions without rows; `data`: rows without definitions. */
	content: z.enum(['all', 'schema', 'data']),
	/** What was chosen or left out, in the terms of the tool: `--table=public.users`, `--exclude-table-data=log_*`. */
	selection: z.array(z.string()),
});

const manifestShape = z.object({
	formatVersion: z.literal(MANIFEST_VERSION),
	id: z.string().uuid(),
	kind: z.enum(BACKUP_KINDS),
	/** The database, collection or bucket, as it is called there; file names and pointers hold `safeName(name)`. */
	name: z.string().min(1),
	/** Base name of the archive, in the same folder as the manifest. */
	file: z
		.string()
		.min(1)
		.refine((file) => !/[/\\]/.test(file), 'must be a plain file name'),
	/** ISO 8601, UTC. */
	startedAt: z.string().datetime(),
	finishedAt: z.string().datetime(),
	/** The system that was read: no secrets. Free-form by kind; always has `system` and `version`. */
	source: z.object({ system: z.string(), version: z.string() }).passthrough(),
	/** What wrote the archive: this package's version, pg_dump's and so on. */
	tool: z.object({ name: z.string(), version: z.string() }).passthrough(),
	codec: z.object({ name: z.enum(['zstd', 'gzip', 'none']), level: z.number().int().optional() }),
	encryption: z
		.object({
			format: z.literal('openpgp'),
			cipher: z.string(),
			passphrase: z.boolean(),
			/** Fingerprints of the public keys it was encrypted for. */
			recipients: z.array(z.string()),
		})
		.nullable(),
	/** raw: before the codec; compressed: after it; stored: the file. */
	size: z.object({ raw: bytes, compressed: bytes, stored: bytes }),
	/** Of the file as stored. */
	sha256,
	parts: z.array(partSchema),
	tables: z.array(tableSchema).optional(),
	/** Totals by kind: `{ tables: 12, rows: 345678 }`, `{ points: 1000 }`. */
	counts: z.record(z.number()),
	/** Absent for a whole backup. A partial one moves no `latest` pointer, and is not the latest where there is a whole one. */
	partial: partialSchema.optional(),
	/** The choices that shaped the backup (schemas, excluded tables, ...): no secrets. */
	options: z.record(z.unknown()).default({}),
	warnings: z.array(z.string()).default([]),
	/** Groups the archives that one run made. */
	runId: z.string().optional(),
	tags: z.array(z.string()).default([]),
	/** Retention never deletes a pinned backup. */
	pinned: z.boolean().optional(),
	/** Id of the backup that this one, an increment, cannot be restored without. */
	parent: z.string().uuid().optional(),
});

export const manifestSchema = manifestShape.superRefine(({ parts, tables = [] }, context) => {
	const lost = parts.findIndex(({ table }) => table !== undefined && table >= tables.length);
	if (lost < 0) return;
	context.addIssue({ code: 'custom', path: ['parts', lost, 'table'], message: 'names a table that is not listed' });
});

const isPlainlyValid = manifestCheck(MANIFEST_VERSION, BACKUP_KINDS, CHECKSUM);

export type Manifest = z.infer<typeof manifestSchema>;
export type PartialBackup = NonNullable<Manifest['partial']>;
export type ManifestPart = Manifest['parts'][number];
export type ManifestTable = NonNullable<Manifest['tables']>[number];

/**
 * Parses and validates a manifest's text.
 * @throws BackupError MANIFEST_INVALID that names the manifest and the first thing wrong with it.
 */
export function parseManifest(text: string, where: string): Manifest {
	let json: unknown;
	try {
		json = JSON.parse(text);
	} catch (cause) {
		throw new BackupError('MANIFEST_INVALID', `The manifest ${where} is not valid JSON.`, {
			cause,
			hint: 'It was damaged or edited. Choose another backup; the archive itself may still open with stock tools.',
		});
	}
	const version = (json as { formatVersion?: unknown } | null)?.formatVersion;
	if (typeof version === 'number' && version > MANIFEST_VERSION) {
		throw new BackupError(
			'MANIFEST_INVALID',
			`The manifest ${where} has format version ${version}; this version of the nodes reads up to ${MANIFEST_VERSION}.`,
			{ hint: 'Update the n8n-nodes-stack-backup package.', details: { formatVersion: version } },
		);
	}
	assertChecksum(json, where);
	if (isPlainlyValid(json)) return withDefaults(json as Manifest);
	const result = manifestSchema.safeParse(json);
	if (!result.success) {
		const issue = result.error.issues[0];
		throw new BackupError(
			'MANIFEST_INVALID',
			`The manifest ${where} is not valid: ${issue?.path.join('.') || 'document'}: ${issue?.message ?? 'unknown'}.`,
			{ hint: 'It was damaged or edited. Choose another backup; the archive itself may still open with stock tools.' },
		);
	}
	return result.data;
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
 * Where the manifest carries the checksum of its own content, compares it. It covers every value and name, not the white
 * space between them, so a manifest may be indented anew. Manifests of before it was introduced have none.
 */
function assertChecksum(json: unknown, where: string): void {
	if (typeof json !== 'object' || json === null || !(CHECKSUM in json)) return;
	const { [CHECKSUM]: stated, ...content } = json as Record<string, unknown>;
	if (stated === checksumOf(content)) return;
	throw new BackupError(
		'MANIFEST_INVALID',
		`The manifest ${where} is not the one that was written: its checksum is wrong.`,
		{
			hint: `It was damaged or edited. Choose another backup; if it was edited on purpose, take the line "${CHECKSUM}" out.`,
		},
	);
}

/** Names keep their order when JSON is read and written again, so the same content is the same text. */
function checksumOf(content: object): string {
	return hash('sha256', JSON.stringify(content), 'hex');
}

/**
 * The text stored as `<file>.manifest.json`, with a checksum of its content. Parts go one a line, so that a large index
 * still reads and diffs well.
 */
export function formatManifest(manifest: Manifest): string {
	const { parts, ...head } = manifest;
	const checksum = checksumOf({ ...head, parts });
	const lines = parts.map((part) => `    ${JSON.stringify(part)}`).join(',\n');
	const body = JSON.stringify({ ...head, [CHECKSUM]: checksum }, null, 2).replace(/\n}$/, '');
	return `${body},\n  "parts": [${lines ? `\n${lines}\n  ` : ''}]\n}\n`;
}

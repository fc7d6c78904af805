import { z } from 'zod';

import { CODECS } from '../codec';

/** Ends the name of every manifest: `<archive file>.manifest.json`. */
export const MANIFEST_SUFFIX = '.manifest.json';

/**
 * What backups are written with. Version 2 always has its checksum and names the folder that it was made for. The two
 * digits differ in two bits, so no single flipped bit turns one version into the other. Version 1 stays readable.
 */
export const MANIFEST_VERSION = 2;

/**
 * What checkpoints are written with, and nothing else. Versions of this package that do not know checkpoints would take them for
 * backups; a format that is newer than theirs they leave alone. It differs from each of the others in two bits.
 */
export const CHECKPOINT_VERSION = 4;

/** SHA-256 of the manifest without this member; see text.ts. Only the text has it. */
export const CHECKSUM = 'manifestSha256';

/** The kinds of backups that this version knows. Newer versions may have more: see newer.ts. */
export const BACKUP_KINDS = [
	'postgres',
	'postgres-globals',
	'postgres-base',
	'postgres-wal',
	'qdrant',
	'qdrant-storage',
	'minio',
	'files',
	'n8n',
	'n8n-instance',
	'n8n-workflows',
] as const;
export type BackupKind = (typeof BACKUP_KINDS)[number];

/**
 * How many other archives a backup may need. A series of increments begins anew long before; without a limit, one manifest
 * could make every reader look for as many as fit into it.
 */
export const MAX_NEEDS = 4096;

/** Of a packet of OpenPGP that comes in pieces: the lengths that they can have (RFC 4880 4.2.2.4). */
export const PIECE_BYTES = { min: 512, max: 2 ** 30 };

const bytes = z.number().int().nonnegative();
const pieceBytes = z
	.number()
	.int()
	.min(PIECE_BYTES.min)
	.max(PIECE_BYTES.max)
	.refine((length) => Number.isInteger(Math.log2(length)), 'must be a power of two');
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
	/** The hash of the compressed frame. */
	sha256,
	/** Index into `tables`, for a part that holds rows of one table. */
	table: z.number().int().nonnegative().optional(),
	/** The same for a part that holds rows of several tables: of each in its turn. */
	tables: z.array(z.number().int().nonnegative()).optional(),
	rows: z.number().int().nonnegative().optional(),
});

const tableSchema = z.object({
	schema: z.string(),
	name: z.string(),
	rows: z.number().int().nonnegative(),
	/** Raw bytes of its rows as the archive holds them. */
	bytes,
	/** The sequences that belong to its columns, where the archive holds no definitions that say so (PostgreSQL, rows alone). */
	sequences: z.array(z.object({ schema: z.string(), name: z.string() })).optional(),
});

/** What a backup holds that, by choice, does not hold all of its source. */
const partialSchema = z.object({
	/** `schema`: definitions without rows; `data`: rows without definitions. */
	content: z.enum(['all', 'schema', 'data']),
	/** What was chosen or left out, in the terms of the tool: `--table=public.users`, `--exclude-table-data=log_*`. */
	selection: z.array(z.string()),
});

/** How a holder of the passphrase distinguishes a manifest from a forged one; see authenticity.ts. Hexadecimal. */
const proofSchema = z.object({
	salt: z.string().regex(/^[0-9a-f]{32}$/),
	keyCheck: z.string().regex(/^[0-9a-f]{16}$/),
	hmacSha256: sha256,
});

const manifestShape = z.object({
	formatVersion: z.union([z.literal(1), z.literal(MANIFEST_VERSION), z.literal(CHECKPOINT_VERSION)]),
	id: z.string().uuid(),
	kind: z.enum(BACKUP_KINDS),
	/** The database, collection or bucket, as it is called there; file names and pointers hold `safeName(name)`. */
	name: z.string().min(1),
	/** Base name of the archive, in the same folder as the manifest. */
	file: z
		.string()
		.min(1)
		.refine((file) => !/[/\\]/.test(file), 'must be a plain file name'),
	/** The folder that it was made for, from version 2 on: `postgres`; empty for the root. */
	folder: z.string().optional(),
	/** ISO 8601, UTC. */
	startedAt: z.string().datetime(),
	finishedAt: z.string().datetime(),
	/** The system that was read: no secrets. Free-form by kind; always has `system` and `version`. */
	source: z.object({ system: z.string(), version: z.string() }).passthrough(),
	/** What wrote the archive: this package's version, pg_dump's and so on. */
	tool: z.object({ name: z.string(), version: z.string() }).passthrough(),
	codec: z.object({ name: z.enum(CODECS), level: z.number().int().optional() }),
	encryption: z
		.object({
			format: z.literal('openpgp'),
			cipher: z.string(),
			passphrase: z.boolean(),
			/** Fingerprints of the public keys it was encrypted for. */
			recipients: z.array(z.string()),
			/**
			 * Bytes of each piece but the last: of the encrypted packet, and of the literal packet inside. With these, any part can be
			 * found in the file and decrypted by itself; without them, it is decrypted from its beginning.
			 */
			pieces: z.object({ outer: pieceBytes, inner: pieceBytes }).optional(),
		})
		.nullable(),
	/** raw: before the codec; compressed: after it; stored: the file. */
	size: z.object({ raw: bytes, compressed: bytes, stored: bytes }),
	/** The hash of the file as stored. */
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
	/** Backups that were encrypted with a passphrase have it from version 2 on. It covers all of the manifest but `pinned`. */
	proof: proofSchema.optional(),
	/** Retention never deletes a pinned backup. */
	pinned: z.boolean().optional(),
	/**
	 * An archive that holds content for other backups and is no backup by itself: what a large one has committed on its way. It is
	 * never listed, never the latest, and goes when no backup needs it any more. Such, and only such, have a format version of
	 * their own.
	 */
	checkpoint: z.literal(true).optional(),
	/** Ids of all other archives whose content this backup uses: it cannot be restored without any one of them. */
	needs: z.array(z.string().uuid()).max(MAX_NEEDS).optional(),
	/**
	 * Of an archive that was encrypted on its way into a second storage: the file that it is of, as that was stored. Decrypted, it is
	 * that file again, to the byte.
	 */
	original: z.object({ file: z.string().regex(/^[^/\\]+$/), sha256, stored: bytes }).optional(),
	/** The text of the manifest of that file: gzip, base64. */
	originalManifest: z.string().optional(),
});

export const manifestSchema = manifestShape.superRefine(
	({ formatVersion, id, folder, proof, parts, tables = [], needs = [], checkpoint = false }, context) => {
		if (needs.includes(id) || new Set(needs).size < needs.length) {
			context.addIssue({ code: 'custom', path: ['needs'], message: 'names the backup itself, or another one twice' });
		}
		const isLost = (table: number) => table >= tables.length;
		const lost = parts.findIndex((part) => isLost(part.table ?? -1) || part.tables?.some(isLost));
		if (lost >= 0) {
			context.addIssue({ code: 'custom', path: ['parts', lost, 'table'], message: 'names a table that is not listed' });
		}
		if ((formatVersion === CHECKPOINT_VERSION) !== checkpoint) {
			context.addIssue({ code: 'custom', path: ['checkpoint'], message: 'does not fit the format version' });
		}
		const isFirst = formatVersion === 1;
		if (isFirst && (folder !== undefined || proof !== undefined)) {
			context.addIssue({ code: 'custom', path: ['formatVersion'], message: 'has members of a later one' });
		}
		if (!isFirst && folder === undefined) context.addIssue({ code: 'custom', path: ['folder'], message: 'Required' });
	},
);

export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestProof = z.infer<typeof proofSchema>;
export type PartialBackup = NonNullable<Manifest['partial']>;
export type ManifestPart = Manifest['parts'][number];
export type ManifestTable = NonNullable<Manifest['tables']>[number];

import { z } from 'zod';

import type { Manifest } from '../archive';
import { BackupError } from '../errors';

const json = z.record(z.unknown());

/** A snapshot as the server described it, and as it arrived. */
const snapshotSchema = z.object({
	name: z.string(),
	/** Bytes of the `.snapshot` file. */
	size: z.number().int().nonnegative(),
	/** SHA-256 of the `.snapshot` file, in hex: the checksum that it is restored with. */
	sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

const shardSchema = z.object({
	id: z.number().int().nonnegative(),
	/** With user-defined sharding. */
	key: z.union([z.string(), z.number()]).optional(),
	/** Ids of the peers that held an active replica; the first one's was taken. */
	peers: z.array(z.string()),
	/** Where the archive holds one snapshot for each shard. */
	snapshot: snapshotSchema.optional(),
});

/**
 * What a manifest of kind `qdrant` says of its source, apart from `system` and `version`.
 * - form `snapshot`: the archive is one collection snapshot, to the byte;
 * - form `shards`: a tar of `collection.json` and `shard-<id>.snapshot`, made of a cluster. Parts of the type `shard-<id>`
 *   joined are that shard's snapshot.
 */
const collectionSourceSchema = z
	.object({
		system: z.literal('qdrant'),
		version: z.string(),
		server: z.string(),
		form: z.enum(['snapshot', 'shards']),
		/** As `GET /collections/<name>` gives them. */
		config: z.object({ params: json }).passthrough(),
		payloadSchema: z.record(json),
		aliases: z.array(z.string()),
		/**
		 * Counts before and after the snapshot; they differ where somebody wrote meanwhile. Exact, unless `estimated`: where the
		 * collection's strict mode lets nobody count, by the server's own estimate.
		 */
		points: z.object({ before: z.number().int(), after: z.number().int(), estimated: z.boolean().optional() }),
		/** Form `snapshot`. */
		snapshot: snapshotSchema.optional(),
		shards: z.array(shardSchema),
		peers: z.array(z.object({ id: z.string(), uri: z.string().optional() })),
	})
	.passthrough();

export type CollectionSource = z.infer<typeof collectionSourceSchema>;
export type ShardSource = z.infer<typeof shardSchema>;
export type SnapshotFacts = z.infer<typeof snapshotSchema>;

/**
 * The source of a collection's backup.
 * @throws BackupError INVALID_INPUT for a backup of something else, MANIFEST_INVALID
 */
export function collectionSource(manifest: Manifest): CollectionSource {
	if (manifest.kind === 'qdrant-storage') {
		throw new BackupError('INVALID_INPUT', `${manifest.file} is a snapshot of a whole storage, not of a collection.`, {
			hint: 'Qdrant takes it at its start only, into an empty storage: qdrant --storage-snapshot <file>.',
		});
	}
	if (manifest.kind !== 'qdrant') {
		throw new BackupError(
			'INVALID_INPUT',
			`${manifest.file} is a backup of the kind ${manifest.kind}, not of Qdrant.`,
			{
				hint: 'Choose a backup of a Qdrant collection.',
			},
		);
	}
	const result = collectionSourceSchema.safeParse(manifest.source);
	const isWhole =
		result.success &&
		(result.data.form === 'snapshot' ? result.data.snapshot : result.data.shards.every(({ snapshot }) => snapshot));
	if (result.success && isWhole) return result.data;
	const issue = result.error?.issues[0];
	throw new BackupError(
		'MANIFEST_INVALID',
		`The manifest of ${manifest.file} is not valid: source.${issue?.path.join('.') || 'snapshot'}: ${issue?.message ?? 'missing'}.`,
		{ hint: 'It was damaged or edited. Choose another backup; the archive itself may still open with stock tools.' },
	);
}

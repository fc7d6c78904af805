/**
 * The JSON files of a snapshot as Qdrant 1.16 writes them, as far as they are looked at. Everything else passes, so that
 * other versions' additions do no harm.
 */
import { z } from 'zod';

const count = z.number().int().nonnegative();

const vectorParams = z
	.object({ size: count.positive(), distance: z.string(), multivector_config: z.unknown().optional() })
	.passthrough();
export type VectorParams = z.infer<typeof vectorParams>;

/** `config.json` of a collection. A single vector without a name stands in the place of the named ones. */
export const collectionConfigSchema = z
	.object({
		params: z
			.object({
				vectors: z.union([vectorParams, z.record(vectorParams)]).optional(),
				sparse_vectors: z.record(z.unknown()).nullish(),
				shard_number: count.positive(),
				sharding_method: z.enum(['auto', 'custom']).nullish(),
				replication_factor: count.optional(),
			})
			.passthrough(),
		hnsw_config: z.object({}).passthrough(),
		optimizer_config: z.object({}).passthrough(),
		wal_config: z.object({}).passthrough(),
	})
	.passthrough();
export type CollectionConfig = z.infer<typeof collectionConfigSchema>;

/** `config.json` of a full storage snapshot. */
export const storageConfigSchema = z.object({
	collections_mapping: z.record(z.string()),
	collections_aliases: z.record(z.string()).default({}),
});

const shardKey = z.union([z.string(), z.number()]);

/** `shard_key_mapping.json`: a list; before 1.12 an object of lists. */
export const shardKeyMappingSchema = z.union([
	z.array(z.object({ key: shardKey, shard_ids: z.array(count) })),
	z
		.record(z.array(count))
		.transform((mapping) => Object.entries(mapping).map(([key, shard_ids]) => ({ key, shard_ids }))),
]);

export const payloadIndexSchema = z.object({ schema: z.record(z.unknown()) }).passthrough();

export const shardConfigSchema = z.object({ type: z.unknown() }).passthrough();

/** `replica_state.json`: who holds the shard, as the peer that made the snapshot knew it. */
export const replicaStateSchema = z
	.object({ is_local: z.boolean(), this_peer_id: z.number(), peers: z.record(z.unknown()) })
	.passthrough();

const storageType = z.unknown();

/** `segment.json`. `version` is null until the first operation has reached the segment. */
export const segmentStateSchema = z
	.object({
		version: count.nullable(),
		config: z
			.object({
				vector_data: z
					.record(
						z
							.object({
								size: count,
								distance: z.string(),
								storage_type: storageType,
								multivector_config: z.unknown().optional(),
							})
							.passthrough(),
					)
					.default({}),
				sparse_vector_data: z.record(z.object({ storage_type: storageType }).passthrough()).default({}),
				payload_storage_type: z.object({ type: z.string() }).passthrough(),
			})
			.passthrough(),
	})
	.passthrough();
export type SegmentState = z.infer<typeof segmentStateSchema>;

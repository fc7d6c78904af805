/**
 * The answers of Qdrant. Most have the types of its client. For those that are stored and compared as they are and never
 * interpreted, only the parts that are used here have a type (https://api.qdrant.tech).
 */
import type { Schemas } from '@qdrant/js-client-rest';

/** A collection's or a vector's settings, or a point. Integers beyond 2^53 are BigInts. */
export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface CollectionInfo {
	status: 'green' | 'yellow' | 'grey' | 'red';
	optimizer_status: unknown;
	indexed_vectors_count?: number | null;
	/** Roughly: deleted and duplicate points may count. */
	points_count?: number | null;
	segments_count: number;
	config: CollectionConfig;
	payload_schema: Record<string, JsonObject>;
}

export interface CollectionConfig {
	params: JsonObject;
	hnsw_config?: Json;
	optimizer_config?: Json;
	wal_config?: Json;
	quantization_config?: Json;
	strict_mode_config?: Json;
	metadata?: Json;
}

export type Alias = Schemas['AliasDescription'];
export type AliasAction = Schemas['AliasOperations'];

/**
 * The name is `<collection>-<peer>-<YYYY-MM-DD-HH-MM-SS>.snapshot`, in UTC. The size is in bytes. The checksum is the SHA-256 of
 * the file in hex; servers before 1.8 report none.
 */
export type SnapshotDescription = Schemas['SnapshotDescription'];

export type ReplicaState = string;

export interface ShardReplica {
	shard_id: number;
	shard_key?: string | number | null;
	peer_id?: string;
	state: ReplicaState;
	/** Known of local shards alone, and roughly. */
	points_count?: number;
}

export interface CollectionCluster {
	peer_id: string;
	shard_count: number;
	local_shards: ShardReplica[];
	remote_shards: ShardReplica[];
	shard_transfers: unknown[];
	resharding_operations?: unknown[] | null;
}

export type ClusterStatus =
	{ status: 'disabled' } | { status: 'enabled'; peer_id: string; peers: Record<string, { uri: string }> };

export type PointId = string | number | bigint;

export interface ScoredPoint {
	id: PointId;
	score: number;
}

export interface StoredPoint {
	id: PointId;
	vector?: Json;
}

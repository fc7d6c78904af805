/** The parts of Qdrant's answers that are used here (https://api.qdrant.tech, 1.16). */

/** A collection's or a vector's settings: kept and compared as they are, never interpreted. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
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

export interface Alias {
	alias_name: string;
	collection_name: string;
}

export type AliasAction =
	| { create_alias: { alias_name: string; collection_name: string } }
	| { rename_alias: { old_alias_name: string; new_alias_name: string } }
	| { delete_alias: { alias_name: string } };

export interface SnapshotDescription {
	/** `<collection>-<peer>-<YYYY-MM-DD-HH-MM-SS>.snapshot`, UTC. */
	name: string;
	creation_time?: string | null;
	/** Bytes. */
	size: number;
	/** SHA-256 of the file, in hex; servers before 1.8 tell none. */
	checksum?: string | null;
}

export type ReplicaState = string;

export interface ShardReplica {
	shard_id: number;
	shard_key?: string | number | null;
	peer_id?: string;
	state: ReplicaState;
	/** Of local shards; roughly. */
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

export interface ScoredPoint {
	id: string | number;
	score: number;
}

export interface StoredPoint {
	id: string | number;
	vector?: Json;
}

import type { z } from 'zod';

import type { ByteCursor } from '../../archive/cursor';
import { readJson, readShaped } from './content';
import type { Findings } from './findings';
import { replicaStateSchema, shardConfigSchema, type SegmentState } from './schemas';
import { SegmentCheck } from './segment';
import { walkInner } from './inner';
import type { TarMember } from '../../tar';

/** What a snapshot holds of one shard. */
export interface ShardContent {
	/** Undefined in a snapshot of a single shard, which does not name it. */
	id: number | undefined;
	/** False where only another peer of the cluster holds the shard, so that this snapshot has no data of it. */
	isLocal: boolean;
	segments: number;
	walFiles: number;
	/**
	 * Live points of the segments, before the write-ahead log is replayed; a point that an optimization was just moving
	 * counts twice. Undefined where a segment's id tracker is of a kind that is not read.
	 */
	points: number | undefined;
}

const SEGMENT_TAR = /^segments\/([^/]+)\.tar$/;
/** Snapshots that are streamed have the segments' files without a tar around them. */
const SEGMENT_FILE = /^segments\/([^/]+)\/files\/(.+)$/;
const INSIDE_SEGMENT_TAR = /^snapshot\/(?:files\/)?/;

/** Checks the files of one shard as they come by, in any order. */
export class ShardCheck {
	/** The segments' states, one of each that differs in its vectors, by the path of a segment that has it. */
	readonly states = new Map<string, { where: string; state: SegmentState }>();
	readonly #open = new Map<string, SegmentCheck>();
	readonly #segments = new Set<string>();
	#walFiles = 0;
	#points: number | undefined = 0;
	#config: { type?: unknown } | undefined;
	#hasConfig = false;
	#hasReplicaState = false;
	#replicas: z.infer<typeof replicaStateSchema> | undefined;

	/** @param where Path of the shard's folder with a slash; empty in the snapshot of a single shard. */
	constructor(
		private readonly id: number | undefined,
		private readonly where: string,
		private readonly findings: Findings,
	) {}

	/** @param name Path inside the shard's folder. */
	async visit(name: string, member: TarMember, cursor: ByteCursor): Promise<void> {
		const tar = SEGMENT_TAR.exec(name);
		const file = SEGMENT_FILE.exec(name);
		if (member.type === 'directory') return;
		if (tar) await this.#visitTar(tar[1]!, name, member, cursor);
		else if (file) await this.#openSegment(file[1]!).visit(file[2]!, member, cursor);
		else if (name.startsWith('wal/')) this.#walFiles++;
		else await this.#visitFile(name, member, cursor);
	}

	async #visitFile(name: string, member: TarMember, cursor: ByteCursor): Promise<void> {
		const where = this.where + name;
		if (name === 'replica_state.json') {
			this.#hasReplicaState = true;
			this.#replicas = await readShaped(replicaStateSchema, member, cursor, where, this.findings);
		} else if (name === 'shard_config.json') {
			this.#hasConfig = true;
			this.#config = await readShaped(shardConfigSchema, member, cursor, where, this.findings);
		} else if (name.endsWith('.json')) {
			await readJson(member, cursor, where, this.findings);
		}
	}

	async #visitTar(id: string, name: string, member: TarMember, cursor: ByteCursor): Promise<void> {
		const where = this.where + name;
		if (this.#segments.has(id)) this.findings.error(where, 'It is there twice.');
		this.#segments.add(id);
		const segment = new SegmentCheck(where, this.findings);
		const isWhole = await walkInner(
			{ member, cursor, where, findings: this.findings, endMarkOptional: true },
			(inner, name) => segment.visit(name.replace(INSIDE_SEGMENT_TAR, ''), inner, cursor),
		);
		if (isWhole) this.#finishSegment(where, segment);
		else this.#points = undefined;
	}

	#openSegment(id: string): SegmentCheck {
		const where = `${this.where}segments/${id}`;
		const segment = this.#open.get(where) ?? new SegmentCheck(where, this.findings);
		this.#open.set(where, segment);
		this.#segments.add(id);
		return segment;
	}

	#finishSegment(where: string, segment: SegmentCheck): void {
		const { state, points } = segment.finish();
		this.#points = this.#points === undefined || points === undefined ? undefined : this.#points + points;
		if (!state) return;
		const { vector_data: dense, sparse_vector_data: sparse } = state.config;
		const vectors = Object.entries(dense).map(([name, { size, distance }]) => [name, size, distance]);
		const key = JSON.stringify([vectors.sort(), Object.keys(sparse).sort()]);
		if (!this.states.has(key)) this.states.set(key, { where, state });
	}

	/** Call once all files have come by. */
	finish(): ShardContent {
		for (const [where, segment] of this.#open) this.#finishSegment(where, segment);
		const segments = this.#segments.size;
		const isLocal = this.#replicas?.is_local ?? segments > 0;
		if (!this.#hasConfig) this.findings.error(`${this.where}shard_config.json`, 'It is missing.');
		this.#checkReplicas();
		if (isLocal) {
			if (segments === 0) this.findings.error(`${this.where}segments`, 'There are no segments.');
			if (this.#walFiles === 0) this.findings.error(`${this.where}wal`, 'The write-ahead log is missing.');
		} else if (segments > 0) {
			this.findings.warning(this.where, 'It has segments, though it says that only other peers hold the shard.');
		}
		return { id: this.id, isLocal, segments, walFiles: this.#walFiles, points: isLocal ? this.#points : 0 };
	}

	#checkReplicas(): void {
		const where = `${this.where}replica_state.json`;
		// Shards of the kinds before clusters (`Local`) have none.
		const needed = this.#config === undefined || this.#config.type === 'ReplicaSet';
		if (needed && !this.#hasReplicaState) this.findings.error(where, 'It is missing.');
		if (!this.#replicas?.is_local) return;
		const state = this.#replicas.peers[String(this.#replicas.this_peer_id)];
		if (state === 'Active') return;
		this.findings.warning(where, `The replica it was made from was not active, but ${JSON.stringify(state)}.`);
	}
}

import type { z } from 'zod';

import type { ByteCursor } from '../../archive/cursor';
import { readShaped, readVersion, shaped } from './content';
import type { Findings } from './findings';
import {
	collectionConfigSchema,
	payloadIndexSchema,
	shardKeyMappingSchema,
	type CollectionConfig,
	type SegmentState,
	type VectorParams,
} from './schemas';
import { ShardCheck, type ShardContent } from './shard';
import type { TarMember } from '../../tar';

/** What a snapshot holds of one collection. */
export interface CollectionContent {
	/** Known in a full storage snapshot only; a collection's own snapshot does not name it. */
	name: string | undefined;
	/** `config.json`: vectors, shards, indexing. Undefined where it is missing or damaged. */
	config: CollectionConfig | undefined;
	/** Fields that have a payload index. */
	payloadSchema: Record<string, unknown> | undefined;
	shardKeys: Array<{ key: string | number; shardIds: number[] }>;
	/** Version of the storage format of collections (0.4.2 for years); Qdrant's own version is in no snapshot. */
	formatVersion: string | undefined;
	/** By id. */
	shards: ShardContent[];
	/** Sum over the shards that are here; see `ShardContent.points`. */
	points: number | undefined;
}

const SHARD_FILE = /^(\d+)(?:\/(.*))?$/;

/** Checks the files of one collection as they come by, in any order. */
export class CollectionCheck {
	/** Whether anything came by that only a collection's snapshot has. */
	isTouched = false;
	readonly #shards = new Map<number, ShardCheck>();
	readonly #seen = new Set<string>();
	#config: CollectionConfig | undefined;
	#mapping: z.infer<typeof shardKeyMappingSchema> = [];
	#payloadSchema: Record<string, unknown> | undefined;
	#formatVersion: string | undefined;

	/** @param where Path of the collection's snapshot with a slash; empty where it is the file itself. */
	constructor(
		private readonly where: string,
		private readonly findings: Findings,
	) {}

	/** Takes one file of the collection; false where it is none. `config.json` may have been parsed by the caller. */
	async visit(member: TarMember, cursor: ByteCursor): Promise<boolean> {
		const shard = SHARD_FILE.exec(member.name);
		if (!shard) {
			const isKnown = await this.#visitFile(member, cursor);
			this.isTouched ||= isKnown;
			return isKnown;
		}
		// By its name alone: a file that is cut off may end in the first segment.
		this.isTouched = true;
		await this.#shard(Number(shard[1])).visit(shard[2] ?? '', member, cursor);
		return true;
	}

	async #visitFile(member: TarMember, cursor: ByteCursor): Promise<boolean> {
		const where = this.where + member.name;
		switch (member.name) {
			case 'version.info':
				this.#formatVersion = await readVersion(member, cursor, where, this.findings);
				break;
			case 'shard_key_mapping.json':
				this.#mapping = (await readShaped(shardKeyMappingSchema, member, cursor, where, this.findings)) ?? [];
				break;
			case 'payload_index.json':
				this.#payloadSchema = (await readShaped(payloadIndexSchema, member, cursor, where, this.findings))?.schema;
				break;
			default:
				return false;
		}
		this.#seen.add(member.name);
		return true;
	}

	/** Takes the parsed `config.json`; undefined where it did not parse. */
	setConfig(json: unknown): void {
		this.#seen.add('config.json');
		if (json === undefined) return;
		this.#config = shaped(collectionConfigSchema, json, `${this.where}config.json`, this.findings);
	}

	#shard(id: number): ShardCheck {
		const shard = this.#shards.get(id) ?? new ShardCheck(id, `${this.where}${id}/`, this.findings);
		this.#shards.set(id, shard);
		return shard;
	}

	/** Call once all files have come by. */
	finish(name?: string): CollectionContent {
		for (const file of ['config.json', 'version.info', 'shard_key_mapping.json', 'payload_index.json']) {
			if (!this.#seen.has(file)) this.findings.error(this.where + file, 'It is missing.');
		}
		const ids = [...this.#shards.keys()].sort((a, b) => a - b);
		const shards = ids.map((id) => this.#shards.get(id)!.finish());
		if (this.#config) {
			this.#checkShards(this.#config, shards);
			this.#checkVectors(this.#config);
		}
		return {
			name,
			config: this.#config,
			payloadSchema: this.#payloadSchema,
			shardKeys: this.#mapping.map(({ key, shard_ids: shardIds }) => ({ key, shardIds })),
			formatVersion: this.#formatVersion,
			shards,
			points: sum(shards.map(({ points }) => points)),
		};
	}

	#checkShards({ params }: CollectionConfig, shards: ShardContent[]): void {
		const isCustom = params.sharding_method === 'custom';
		const mapped = this.#mapping.flatMap(({ shard_ids: ids }) => ids);
		const promised = isCustom ? mapped : Array.from({ length: params.shard_number }, (_, id) => id);
		for (const id of promised) {
			if (!this.#shards.has(id)) this.findings.error(`${this.where}${id}`, `Shard ${id} is missing.`);
		}
		for (const { id } of shards) {
			if (promised.includes(id!)) continue;
			this.findings.warning(`${this.where}${id}`, `Shard ${id} is there, though the configuration does not name it.`);
		}
		const elsewhere = shards.filter(({ isLocal }) => !isLocal).map(({ id }) => id);
		if (elsewhere.length === 0) return;
		this.findings.warning(
			this.where,
			`The data of shard ${elsewhere.join(', ')} is not in this snapshot: other peers of the cluster hold it.`,
		);
	}

	/** Every segment has the vectors of the collection. */
	#checkVectors(config: CollectionConfig): void {
		const dense = denseVectors(config);
		const sparse = Object.keys(config.params.sparse_vectors ?? {});
		for (const shard of this.#shards.values()) {
			for (const { where, state } of shard.states.values()) {
				const problem = vectorProblem(state, dense, sparse);
				if (problem) this.findings.error(`${where}/segment.json`, problem);
			}
		}
	}
}

/** The dense vectors by name; one without a name is called by the empty string, as in the segments. */
function denseVectors({ params }: CollectionConfig): Record<string, VectorParams> {
	const { vectors = {} } = params;
	const isSingle = typeof vectors['size'] === 'number';
	return (isSingle ? { '': vectors } : vectors) as Record<string, VectorParams>;
}

function vectorProblem(
	{ config }: SegmentState,
	dense: Record<string, VectorParams>,
	sparse: string[],
): string | undefined {
	const found = [...Object.keys(config.vector_data), ...Object.keys(config.sparse_vector_data)].sort();
	const wanted = [...Object.keys(dense), ...sparse].sort();
	if (JSON.stringify(found) !== JSON.stringify(wanted)) return 'Its vectors are not those of the collection.';
	for (const [name, { size, distance }] of Object.entries(config.vector_data)) {
		const of = dense[name];
		if (of?.size === size && of.distance === distance) continue;
		return `Its vector ${JSON.stringify(name)} has another size or distance than the collection's.`;
	}
	return undefined;
}

function sum(numbers: Array<number | undefined>): number | undefined {
	return numbers.reduce(
		(total, number) => (total === undefined || number === undefined ? undefined : total + number),
		0,
	);
}

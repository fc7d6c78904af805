/**
 * How bytes move: the archive of a cluster is a tar of `collection.json` and one snapshot for each shard; snapshots are tars
 * themselves. One cursor reads the archive from its beginning to its end. Each snapshot passes through its hash into the check of
 * its structure. Memory holds `collection.json` and one chunk of the archive.
 */
import { ByteCursor, EndedEarly } from '../../archive/cursor';
import type { CheckContext } from '../../verify/types';
import type { CollectionSource, ShardSource } from '../manifestSource';
import { checkSnapshot } from '../snapshot';
import { TarDamage, type TarMember, walkTar } from '../../tar';
import { compareConfig } from './compareCollection';
import { compareSegments } from './comparePoints';
import { compareFacts, findAll, findError } from './findings';
import { SnapshotBytes } from './snapshotBytes';

/** The settings of a collection are far smaller than this. */
const MAX_JSON_BYTES = 32 * 1024 * 1024;

/**
 * Checks the archive of a cluster's collection.
 * @returns counts of what it holds
 * @throws BackupError CANCELLED, and what the source throws
 */
export async function checkShards(
	raw: AsyncIterable<Uint8Array>,
	facts: CollectionSource,
	context: CheckContext,
): Promise<Record<string, number>> {
	return await new ShardsCheck(facts, context).run(raw);
}

class ShardsCheck {
	readonly #seen = new Set<string>();
	#segments = 0;
	#points: number | undefined = 0;

	constructor(
		private readonly facts: CollectionSource,
		private readonly context: CheckContext,
	) {}

	async run(raw: AsyncIterable<Uint8Array>): Promise<Record<string, number>> {
		if (await this.#walk(new ByteCursor(raw))) this.#finish();
		const shards = this.facts.shards.filter(({ id }) => this.#seen.has(fileOf(id))).length;
		return { shards, segments: this.#segments, ...(this.#points !== undefined && { points: this.#points }) };
	}

	/** False where the tar could not be read to its end, so that it is unknown what would have followed. */
	async #walk(cursor: ByteCursor): Promise<boolean> {
		try {
			await walkTar(cursor, async (member) => await this.#visit(member, cursor));
			return true;
		} catch (error) {
			if (error instanceof EndedEarly) {
				findError(this.context, '', `The tar of the shards ends too early, after ${cursor.position} bytes.`);
			} else if (error instanceof TarDamage) {
				findError(this.context, '', `The tar of the shards ${error.message} (at byte ${error.offset}).`);
			} else throw error;
			return false;
		}
	}

	async #visit(member: TarMember, cursor: ByteCursor): Promise<void> {
		const { name } = member;
		if (this.#seen.has(name)) findError(this.context, name, 'It is there twice.');
		this.#seen.add(name);
		const shard = this.facts.shards.find(({ id }) => fileOf(id) === name);
		if (member.type !== 'file' || member.size !== member.storedSize) {
			findError(this.context, name, 'It is not a plain file.');
		} else if (name === 'collection.json') await this.#visitJson(member, cursor);
		else if (shard) await this.#visitShard(shard, member, cursor);
		else findError(this.context, name, 'The manifest knows nothing of it.');
	}

	async #visitJson({ name, size }: TarMember, cursor: ByteCursor): Promise<void> {
		const json = size > MAX_JSON_BYTES ? undefined : parsed(await cursor.take(size));
		const config = (json as { config?: unknown } | null | undefined)?.config;
		if (typeof config !== 'object' || config === null || !('params' in config)) {
			findError(this.context, name, 'It is not the description of a collection.');
		} else compareConfig(this.context, config, this.facts);
	}

	async #visitShard({ id, snapshot }: ShardSource, { name, size }: TarMember, cursor: ByteCursor): Promise<void> {
		const { context } = this;
		const content = new SnapshotBytes(cursor.pass(size));
		const report = await checkSnapshot(content.bytes, context);
		const sha256 = await content.finish();
		findAll(context, name, report);
		if (snapshot) compareFacts(context, name, snapshot, { size, sha256 });
		const { shard } = report;
		if (report.type !== 'shard') {
			if (report.intact) findError(context, name, `It is a snapshot of a ${report.type}, not of shard ${id}.`);
		} else if (shard && !shard.isLocal) findError(context, name, `The points of shard ${id} are not in it.`);
		this.#segments += shard?.segments ?? 0;
		const points = shard?.points;
		this.#points = this.#points === undefined || points === undefined ? undefined : this.#points + points;
	}

	#finish(): void {
		const promised = ['collection.json', ...this.facts.shards.map(({ id }) => fileOf(id))];
		const missing = promised.filter((name) => !this.#seen.has(name));
		for (const name of missing) findError(this.context, name, 'It is missing.');
		if (missing.length === 0 && this.#points !== undefined) {
			compareSegments(this.context, this.#points, this.facts);
		}
	}
}

function fileOf(shard: number): string {
	return `shard-${shard}.snapshot`;
}

function parsed(bytes: Uint8Array): unknown {
	try {
		return JSON.parse(Buffer.from(bytes).toString('utf8'));
	} catch {
		return undefined;
	}
}

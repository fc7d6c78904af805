import { ByteCursor, EndedEarly } from '../../archive/cursor';
import { untilAborted } from '../../storage/chunks';
import { CollectionCheck, type CollectionContent } from './collection';
import { readJson, shaped } from './content';
import { Findings, type SnapshotFinding } from './findings';
import { walkInner } from './inner';
import { storageConfigSchema } from './schemas';
import { ShardCheck, type ShardContent } from './shard';
import { TarDamage, type TarMember, walkTar } from '../../tar';

export type SnapshotType = 'collection' | 'shard' | 'storage' | 'unknown';

export interface SnapshotReport {
	/** What the file is: a collection's snapshot, one shard's, or the full storage's. */
	type: SnapshotType;
	/** Bytes read. */
	size: number;
	/** True where no finding is an error. */
	intact: boolean;
	findings: SnapshotFinding[];
	/** One for a collection's snapshot, all for a full storage snapshot, none for a shard's. */
	collections: CollectionContent[];
	/** What it holds, where it is the snapshot of a single shard. */
	shard: ShardContent | undefined;
	/** Alias to collection, where it is a full storage snapshot. */
	aliases: Record<string, string>;
}

export interface CheckSnapshotOptions {
	signal?: AbortSignal;
}

const SHARD_FILES = /^(segments|wal)(\/|$)|^(replica_state|shard_config|newest_clocks)\.json$/;

/**
 * Checks a Qdrant snapshot (`.snapshot`) by its structure, without a server, in constant memory and one pass: the tar and
 * the tars in it to their ends, every shard that the configuration promises, every file that a segment needs, all JSON.
 * Bytes inside the data files of a segment have no checksum in a snapshot: only the SHA-256 of the whole tells of them.
 * What is wrong with the snapshot is reported, not thrown.
 * @throws BackupError CANCELLED, and what the source throws
 */
export async function checkSnapshot(
	source: AsyncIterable<Uint8Array>,
	options: CheckSnapshotOptions = {},
): Promise<SnapshotReport> {
	const signal = options.signal ?? new AbortController().signal;
	const cursor = new ByteCursor(untilAborted(source, signal));
	const check = new SnapshotCheck(cursor);
	try {
		return await check.run();
	} finally {
		await cursor.close();
	}
}

class SnapshotCheck {
	readonly #findings = new Findings();
	readonly #collection = new CollectionCheck('', this.#findings);
	readonly #shard = new ShardCheck(undefined, '', this.#findings);
	/** The collections' snapshots in a full storage snapshot, by file name. */
	readonly #inner = new Map<string, { check: CollectionCheck; isWhole: boolean }>();
	#hasShard = false;
	#config: unknown;
	#hasConfig = false;
	#member = '';

	constructor(private readonly cursor: ByteCursor) {}

	async run(): Promise<SnapshotReport> {
		const isWhole = await this.#walk();
		return this.#report(isWhole);
	}

	/** False where the outermost tar could not be walked to its end. */
	async #walk(): Promise<boolean> {
		try {
			await walkTar(this.cursor, async (member) => await this.#visit(member));
			return true;
		} catch (error) {
			if (error instanceof EndedEarly) this.#findings.error(this.#member, this.#cutOff());
			else if (error instanceof TarDamage) {
				this.#findings.error(this.#member, `The snapshot ${error.message} (at byte ${error.offset}).`);
			} else throw error;
			return false;
		}
	}

	#cutOff(): string {
		const at = this.cursor.position;
		return at === 0 ? 'The file is empty.' : `The file ends too early, after ${at} bytes.`;
	}

	async #visit(member: TarMember): Promise<void> {
		const { name } = member;
		this.#member = name;
		if (name === 'config.json') {
			this.#hasConfig = true;
			this.#config = await readJson(member, this.cursor, name, this.#findings);
		} else if (/^[^/]+\.snapshot$/.test(name)) await this.#visitInner(member);
		else if (SHARD_FILES.test(name)) {
			this.#hasShard = true;
			await this.#shard.visit(name, member, this.cursor);
		} else await this.#collection.visit(member, this.cursor);
	}

	/** The snapshot of a collection in the full storage's one. */
	async #visitInner(member: TarMember): Promise<void> {
		const { cursor } = this;
		const findings = this.#findings;
		const where = member.name;
		const check = new CollectionCheck(`${where}/`, findings);
		const isWhole = await walkInner(
			{ member, cursor, where, findings, endMarkOptional: false },
			async (inner, name) => {
				this.#member = `${where}/${name}`;
				if (name !== 'config.json') await check.visit(inner, cursor);
				else check.setConfig(await readJson(inner, cursor, `${where}/${name}`, findings));
			},
		);
		if (this.#inner.has(where)) findings.error(where, 'It is there twice.');
		this.#inner.set(where, { check, isWhole });
	}

	/** After damage that stopped the walk, what did not come by is not called missing. */
	#report(isWhole: boolean): SnapshotReport {
		const type = this.#type();
		const report = { type, collections: [], shard: undefined, aliases: {} };
		const content = isWhole ? this.#content(type) : {};
		const findings = this.#findings.list;
		const intact = !findings.some(({ severity }) => severity === 'error');
		return { ...report, ...content, size: this.cursor.position, intact, findings };
	}

	#type(): SnapshotType {
		const isStorage =
			typeof this.#config === 'object' && this.#config !== null && 'collections_mapping' in this.#config;
		if (isStorage || this.#inner.size > 0) return 'storage';
		if (this.#collection.isTouched || this.#config !== undefined) return 'collection';
		return this.#hasShard ? 'shard' : 'unknown';
	}

	#content(type: SnapshotType): Partial<SnapshotReport> {
		switch (type) {
			case 'collection':
				if (this.#hasConfig) this.#collection.setConfig(this.#config);
				return { collections: [this.#collection.finish()] };
			case 'shard':
				return { shard: this.#shard.finish() };
			case 'storage':
				return this.#storageContent();
			case 'unknown':
				this.#findings.error('', 'It is a tar, but not a snapshot of Qdrant.');
				return {};
		}
	}

	#storageContent(): Partial<SnapshotReport> {
		const findings = this.#findings;
		if (!this.#hasConfig) findings.error('config.json', 'It is missing.');
		const config =
			this.#config === undefined ? undefined : shaped(storageConfigSchema, this.#config, 'config.json', findings);
		if (!config) return {};
		const { collections_mapping: mapping, collections_aliases: aliases } = config;
		const collections = Object.entries(mapping).flatMap(([name, file]) => {
			const inner = this.#inner.get(file);
			if (!inner) findings.error(file, `The snapshot of the collection ${name} is missing.`);
			return inner?.isWhole ? [inner.check.finish(name)] : [];
		});
		for (const file of this.#inner.keys()) {
			if (!Object.values(mapping).includes(file))
				findings.warning(file, 'The configuration names no collection for it.');
		}
		for (const [alias, collection] of Object.entries(aliases)) {
			if (!(collection in mapping))
				findings.error('config.json', `The alias ${alias} is of no collection that is here.`);
		}
		return { collections, aliases };
	}
}

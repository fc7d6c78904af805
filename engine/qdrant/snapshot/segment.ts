import type { ByteCursor } from '../../archive/cursor';
import { readJson, readShaped, readVersion } from './content';
import type { Findings } from './findings';
import { countBits, countListed, countLogged, type Counted } from './id-tracker';
import { segmentStateSchema, type SegmentState } from './schemas';
import type { TarMember } from '../../tar';

export interface SegmentContent {
	/** Undefined where it could not be read. */
	state: SegmentState | undefined;
	/** Live points by the id tracker; undefined where it is of a kind that is not read here (RocksDB, before 1.16). */
	points: number | undefined;
}

/** Kinds of storage that keep their data in RocksDB, not in a folder of their own. */
const IN_ROCKSDB = ['Memory', 'on_disk', 'in_memory'];

/** Checks the files of one segment as they come by, in any order. */
export class SegmentCheck {
	readonly #files = new Set<string>();
	#state: SegmentState | undefined;
	#logged: Counted | undefined;
	#listed: Counted | undefined;
	#deleted = 0;
	#versionsBytes: number | undefined;

	constructor(
		private readonly where: string,
		private readonly findings: Findings,
	) {}

	/** @param name Path inside the segment, without the folders that lead to it: `vector_storage/deleted/status.dat`. */
	async visit(name: string, member: TarMember, cursor: ByteCursor): Promise<void> {
		if (member.type === 'directory') return;
		const where = `${this.where}/${name}`;
		if (this.#files.has(name)) this.findings.error(where, 'It is there twice.');
		this.#files.add(name);
		if (name === 'segment.json') {
			this.#state = await readShaped(segmentStateSchema, member, cursor, where, this.findings);
		} else if (name === 'version.info') {
			await readVersion(member, cursor, where, this.findings);
		} else if (name.endsWith('.json')) {
			await readJson(member, cursor, where, this.findings);
		} else {
			await this.#visitTracker(name, member, cursor);
		}
	}

	async #visitTracker(name: string, member: TarMember, cursor: ByteCursor): Promise<void> {
		const content = cursor.pass(member.storedSize);
		// Holes hold no set bits, but in the mappings they would hide records.
		const isWhole = member.storedSize === member.size;
		if (name === 'id_tracker.versions') this.#versionsBytes = member.size;
		else if (name === 'id_tracker.deleted') this.#deleted = await countBits(content);
		else if (name === 'id_tracker.mappings' && isWhole) this.#listed = this.#heard(name, await countListed(content));
		else if (name === 'mutable_id_tracker.mappings' && isWhole) {
			this.#logged = this.#heard(name, await countLogged(content));
		}
	}

	#heard(name: string, counted: Counted): Counted {
		if ('problem' in counted) this.findings.error(`${this.where}/${name}`, `It ${counted.problem}.`);
		return counted;
	}

	/** Call once all files have come by. */
	finish(): SegmentContent {
		for (const name of ['segment.json', 'version.info', 'payload_index/config.json']) this.#require(name);
		if (this.#state) this.#checkStorages(this.#state);
		this.#checkVersions();
		return { state: this.#state, points: this.#points() };
	}

	#require(name: string): void {
		if (!this.#files.has(name)) this.findings.error(`${this.where}/${name}`, 'It is missing.');
	}

	#checkStorages({ config }: SegmentState): void {
		const vectors = { ...config.vector_data, ...config.sparse_vector_data };
		for (const [name, { storage_type: type }] of Object.entries(vectors)) {
			this.#requireFolder(name === '' ? 'vector_storage' : `vector_storage-${name}`, type);
		}
		this.#requireFolder('payload_storage', config.payload_storage_type.type);
	}

	#requireFolder(folder: string, type: unknown): void {
		if (typeof type !== 'string' || IN_ROCKSDB.includes(type)) return;
		for (const file of this.#files) if (file.startsWith(`${folder}/`)) return;
		this.findings.error(`${this.where}/${folder}`, 'It is missing.');
	}

	/** Eight bytes for every entry of the list. */
	#checkVersions(): void {
		if (!this.#listed || 'problem' in this.#listed) return;
		const expected = this.#listed.points * 8;
		if (this.#versionsBytes === expected) return;
		const found = this.#versionsBytes === undefined ? 'It is missing.' : 'It does not fit the number of points.';
		this.findings.error(`${this.where}/id_tracker.versions`, found);
	}

	#points(): number | undefined {
		const counted = this.#logged ?? this.#listed;
		if (counted) return 'points' in counted ? counted.points - this.#deleted : undefined;
		const isInRocksDb = [...this.#files].some((file) => file.endsWith('.sst') || file.endsWith('/CURRENT'));
		const hasTracker = [...this.#files].some((file) => file.includes('id_tracker.'));
		return isInRocksDb || hasTracker || !this.#state ? undefined : 0;
	}
}

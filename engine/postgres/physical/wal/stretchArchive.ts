/**
 * Writes one archive of WAL: a tar whose members are called as the server calls its segments, each one part of the archive, with the
 * histories of the timelines that came before in front. What is handed in is the archive's from then on; a few segments wait in memory
 * for the compression, and then whoever hands in more has to wait.
 */
import { beginArchive, type ArchiveChoices, type ArchiveWriter, type Manifest } from '../../../archive';
import { cancelled } from '../../../errors';
import { tarEnd, tarHeader, tarPadding } from '../../../tar';
import type { PostgresConnection } from '../../connection';
import type { Cluster } from '../cluster';
import { historyName, segmentName, type Lsn } from '../lsn';
import { stretchCounts, stretchSource, type StretchContent } from './facts';

/** Segments that are compressed at once: two of 16 MiB, raw and compressed, are memory enough. */
const SEGMENTS_AT_ONCE = 2;

/** What the archives of one cluster have in common. */
export interface StretchTarget {
	choices: ArchiveChoices;
	/** How the backups are called. */
	name: string;
	cluster: Pick<Cluster, 'systemIdentifier' | 'version' | 'segmentBytes'>;
	/** Undefined where the WAL was not read from a server. */
	connection: PostgresConnection | undefined;
}

/** A file that tells where timelines have branched off. */
export interface HistoryFile {
	timeline: number;
	content: Buffer;
}

export class StretchArchive {
	readonly #target: StretchTarget;
	readonly #writer: ArchiveWriter;

	private constructor(target: StretchTarget, writer: ArchiveWriter) {
		this.#target = target;
		this.#writer = writer;
	}

	get key(): string {
		return this.#writer.key;
	}

	/** Begins one. Ends with `commit` or `abort`. @throws BackupError as createArchive does */
	static async begin(target: StretchTarget, histories: readonly HistoryFile[], size: number): Promise<StretchArchive> {
		const { choices, name } = target;
		const writer = await beginArchive(choices, { name, extension: 'tar', kind: 'postgres-wal', estimatedSize: size });
		const archive = new StretchArchive(target, writer);
		try {
			for (const { timeline, content } of histories) {
				await writer.frame({ type: 'history' }, member(historyName(timeline), [content]), { isGiven: true });
			}
			return archive;
		} catch (error) {
			await archive.abort(error);
			throw error;
		}
	}

	/**
	 * Adds a segment, or what there is of it.
	 * @param pieces the archive's from now on
	 */
	async add(timeline: number, startLsn: Lsn, pieces: Buffer[], isPartial: boolean): Promise<void> {
		const name = segmentName(timeline, startLsn, this.#target.cluster.segmentBytes);
		const content = member(isPartial ? `${name}.partial` : name, pieces);
		await this.#writer.frame({ type: 'segment' }, content, { isGiven: true, atOnce: SEGMENTS_AT_ONCE });
	}

	/** Makes it a backup. @throws BackupError as ArchiveWriter.commit does; nothing is left of it then */
	async commit(content: StretchContent, warnings: readonly string[] = []): Promise<Manifest> {
		const { choices, cluster, connection } = this.#target;
		const { runId, tags, signal } = choices;
		try {
			await this.#writer.drain();
			await this.#writer.frame({ type: 'end' }, tarEnd());
			return await this.#writer.commit({
				source: stretchSource(content, cluster, connection),
				counts: stretchCounts(content),
				warnings: [...warnings],
				runId,
				tags,
			});
		} catch (error) {
			await this.abort(error);
			if (signal?.aborted) throw cancelled();
			throw error;
		}
	}

	/** Leaves nothing of it. */
	async abort(reason: unknown): Promise<void> {
		await this.#writer.abort(reason).catch(() => {});
	}
}

/** A member of the tar: its header, its content, and what fills its last block up. */
function member(name: string, content: readonly Buffer[]): Buffer[] {
	const size = content.reduce((sum, { length }) => sum + length, 0);
	return [tarHeader(name, size, new Date()), ...content, tarPadding(size)];
}

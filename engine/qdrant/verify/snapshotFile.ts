/**
 * Recognises files among tar archives that are snapshots of Qdrant which somebody downloaded, checks them, and restores them for a
 * test. While the tar is read, its bytes also pass through a SHA-256 into the check of the snapshot's structure, so the file is
 * read once. A test restore reads it once more, to send it.
 */
import { createHash } from 'node:crypto';

import type { CheckedFile, TarFormat, TarInspection } from '../../verify/system';
import { TarCopy } from '../../verify/tarCopy';
import type { CheckContext } from '../../verify/types';
import { checkedSnapshot } from '../restore/source';
import { checkSnapshot, type SnapshotReport } from '../snapshot';
import { type QdrantScratch, testRestoreOf } from './testRestore';

export const snapshotFile: TarFormat<QdrantScratch> = {
	form: 'snapshot of Qdrant',
	inspect: (context) => new SnapshotInspection(context),
};

class SnapshotInspection implements TarInspection<QdrantScratch> {
	readonly #copy = new TarCopy();
	readonly #report: Promise<SnapshotReport>;
	readonly #hash = createHash('sha256');
	#size = 0;
	#hasConfig = false;
	#hasPart = false;

	constructor(private readonly context: CheckContext) {
		const { signal } = context;
		this.#report = checkSnapshot(this.#copy.stream, signal ? { signal } : {});
		// Where the tar is damaged, or is not a snapshot, nobody waits for the report, and its failure must not be unhandled.
		this.#report.catch(() => {});
	}

	member(name: string, type: string): void {
		if (name === 'config.json') this.#hasConfig = true;
		if (/^\d+\/(?:segments|wal|replica_state\.json|shard_config\.json)/.test(name)) this.#hasPart = true;
		if (/^[^/]+\.snapshot$/.test(name)) this.#hasPart = true;
		// The snapshot of a single shard has neither a configuration of the collection nor folders of shards.
		if (/^segments\/|^replica_state\.json$/.test(name) && type !== 'symlink') this.#hasPart = true;
		if (name === 'replica_state.json' && type !== 'symlink') this.#hasConfig = true;
	}

	async take(chunk: Uint8Array): Promise<void> {
		this.#hash.update(chunk);
		this.#size += chunk.length;
		await this.#copy.take(chunk);
	}

	async finish(): Promise<CheckedFile<QdrantScratch> | undefined> {
		if (!this.#hasConfig || !this.#hasPart) return undefined;
		this.#copy.end();
		const report = await this.#report;
		for (const { severity, where, what } of report.findings) {
			this.context.found({ severity, message: what, ...(where !== '' && { part: where }) });
		}
		if (report.type !== 'collection') return { counts: {} };
		const facts = { report, size: this.#size, sha256: this.#hash.digest('hex') };
		return {
			counts: {},
			testRestore: async ({ name, open }, scratch, context) => {
				const source = checkedSnapshot({ description: name, open: () => open(context.signal), ...facts });
				return await testRestoreOf(source, scratch, context);
			},
		};
	}

	close(): void {
		this.#copy.close();
	}
}

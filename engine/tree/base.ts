/**
 * What a backup goes on from: the newest good backup of the same series, and the checkpoints that were committed after it by a
 * run that never came to its end. Their indexes are read side by side; where several know a name, the newest counts.
 */
import type { ArchiveReader } from '../archive';
import type { TreeEntry } from './entry';
import { compareNames } from './name';
import { readIndex } from './read-index';

/** Archives whose indexes are merged, the oldest first. */
export type TreeBase = readonly ArchiveReader[];

/** All entries that the archives of a base know, in the order of names. */
export async function* baseEntries(base: TreeBase, signal?: AbortSignal): AsyncGenerator<TreeEntry> {
	const streams = base.map((reader) => readIndex(reader, signal));
	try {
		const heads = await Promise.all(streams.map(async (stream) => (await stream.next()).value as TreeEntry | undefined));
		for (;;) {
			let first: TreeEntry | undefined;
			for (const head of heads) if (head && (!first || compareNames(head.name, first.name) <= 0)) first = head;
			if (!first) return;
			yield first;
			const { name } = first;
			for (const [index, stream] of streams.entries()) {
				if (heads[index]?.name === name) heads[index] = (await stream.next()).value as TreeEntry | undefined;
			}
		}
	} finally {
		await Promise.all(streams.map((stream) => stream.return(undefined)));
	}
}

/**
 * Reads what a backup goes on from: the index of the newest good backup of the same series, and those of the checkpoints that were committed after it
 * by a run that never came to its end. They are read side by side; where several know a name, the newest counts.
 */
import type { ChosenBase } from './chooseBase';
import type { TreeEntry } from './entry';
import { compareNames } from './name';
import { readIndex } from './read-index';

/** All entries that the archives of a base know and whose content may be used, in the order of names. */
export async function* baseEntries({ archives, usable }: ChosenBase, signal?: AbortSignal): AsyncGenerator<TreeEntry> {
	const streams = archives.map((reader) => readIndex(reader, signal));
	try {
		const heads = await Promise.all(
			streams.map(async (stream) => (await stream.next()).value as TreeEntry | undefined),
		);
		for (;;) {
			let first: TreeEntry | undefined;
			for (const head of heads) if (head && (!first || compareNames(head.name, first.name) <= 0)) first = head;
			if (!first) return;
			if (!usable || (first.content && usable.has(first.content.archive))) yield first;
			const { name } = first;
			for (const [index, stream] of streams.entries()) {
				if (heads[index]?.name === name) heads[index] = (await stream.next()).value as TreeEntry | undefined;
			}
		}
	} finally {
		await Promise.all(streams.map((stream) => stream.return(undefined)));
	}
}

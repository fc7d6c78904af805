/**
 * Reads what a backup goes on from: the index of the newest good backup of the same series, and those of the checkpoints that were committed after it
 * by a run that never came to its end. They are read side by side; where several know a name, the newest counts.
 */
import type { ChosenBase } from './chooseBase';
import type { TreeEntry } from './entry';
import { compareNames } from './name';
import { readIndex } from './read-index';

/**
 * All entries that the archives of a base know and whose content may be used, in the order of names.
 * @param which of several archives that know a name: the newest, or all of them
 */
export async function* baseEntries(
	{ archives, usable }: ChosenBase,
	signal?: AbortSignal,
	which: 'newest' | 'all' = 'newest',
): AsyncGenerator<TreeEntry> {
	const isUsable = ({ content }: TreeEntry) => !usable || (content && usable.has(content.archive));
	const streams = archives.map((reader) => readIndex(reader, signal));
	try {
		const heads = await Promise.all(
			streams.map(async (stream) => (await stream.next()).value as TreeEntry | undefined),
		);
		for (;;) {
			let first: TreeEntry | undefined;
			for (const head of heads) if (head && (!first || compareNames(head.name, first.name) <= 0)) first = head;
			if (!first) return;
			if (which === 'newest' && isUsable(first)) yield first;
			const { name } = first;
			for (const [index, stream] of streams.entries()) {
				const head = heads[index];
				if (head?.name !== name) continue;
				if (which === 'all' && isUsable(head)) yield head;
				heads[index] = (await stream.next()).value as TreeEntry | undefined;
			}
		}
	} finally {
		await Promise.all(streams.map((stream) => stream.return(undefined)));
	}
}

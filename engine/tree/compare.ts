/** What is there now beside what there was at an earlier backup: both in the order of names, so neither is held in memory. */
import { BackupError } from '../errors';
import { mapInParallel } from '../parallel';
import type { EntryFacts, TreeEntry } from './entry';
import type { FormerEntries } from './former';
import { compareNames, shownName } from './name';

/** An entry of the source, with what an earlier backup has under its name. */
export interface Compared {
	facts: EntryFacts;
	known: TreeEntry | undefined;
}

const ASKED_AT_ONCE = 32;
const ASKED_TOGETHER = 256;

export interface ComparedWith {
	/** The entries of the earlier backup, in order; undefined where there is none. */
	before: AsyncIterable<TreeEntry> | undefined;
	/** What it has under other names. */
	former?: FormerEntries | undefined;
	/** Asks for an entry of the earlier backup that the source does not list any more, where its list is no proof of that. */
	unlisted?: ((known: TreeEntry) => Promise<EntryFacts | undefined>) | undefined;
}

/**
 * @throws BackupError SOURCE_FAILED where the source is not in order: entries would be taken for new ones, or for gone
 */
export async function* compared(
	entries: AsyncIterable<EntryFacts>,
	{ before, former, unlisted }: ComparedWith,
): AsyncGenerator<Compared> {
	const earlier = before?.[Symbol.asyncIterator]();
	let known = await nextOf(earlier);
	let last: string | undefined;
	/** All of the earlier backup before a name. */
	const passOver = async function* (name?: string): AsyncGenerator<Compared> {
		for (let passed: TreeEntry[] = []; ; passed = []) {
			while (known && passed.length < ASKED_TOGETHER && (name === undefined || compareNames(known.name, name) < 0)) {
				if (unlisted) passed.push(known);
				known = await nextOf(earlier);
			}
			if (!unlisted || passed.length === 0) return;
			const found = await mapInParallel(passed, ASKED_AT_ONCE, unlisted);
			for (const [index, facts] of found.entries()) if (facts) yield { facts, known: passed[index] };
		}
	};
	try {
		for await (const facts of entries) {
			if (last !== undefined && compareNames(last, facts.name) >= 0) throw notInOrder(last, facts.name);
			last = facts.name;
			if (known && compareNames(known.name, facts.name) < 0) yield* passOver(facts.name);
			const same = known?.name === facts.name ? known : undefined;
			if (same) known = await nextOf(earlier);
			yield { facts, known: same ?? (former && (await former.find(facts))) };
		}
		if (unlisted) yield* passOver();
	} finally {
		await earlier?.return?.();
		await former?.close();
	}
}

async function nextOf(entries: AsyncIterator<TreeEntry> | undefined): Promise<TreeEntry | undefined> {
	const next = await entries?.next();
	return next?.done === false ? next.value : undefined;
}

function notInOrder(last: string, name: string): BackupError {
	const message = `The source lists ${shownName(name)} after ${shownName(last)}, which is not the order of names.`;
	return new BackupError('SOURCE_FAILED', message, { hint: 'Its list cannot be relied upon. Nothing was stored.' });
}

/** A file whose content an archive holds. */
export type StoredFile = TreeEntry & Required<Pick<TreeEntry, 'sha256' | 'content'>>;

/** Whether a file is still as an earlier backup has it. What changed while it was read is read again. */
export function isSame(facts: EntryFacts, known: TreeEntry | undefined): known is StoredFile {
	if (known?.type !== 'file' || facts.type !== 'file' || known.changed) return false;
	return facts.state !== undefined && facts.state === known.state && facts.size === known.size && !!known.content;
}

/**
 * Reads three sorted lists side by side: what the source holds, what the target holds, and what was recorded of the copies.
 * In memory is one line of each.
 */
import { BackupError } from '../../errors';
import { compareNames, shownName } from '../../tree';
import type { Listed } from './place';
import type { StateRecord } from './state';

/** All that is known of one name. */
export interface Met {
	name: string;
	source?: Listed;
	target?: Listed;
	record?: StateRecord;
}

export interface MarchLists {
	source: AsyncIterable<Listed>;
	target: AsyncIterable<Listed>;
	records: AsyncIterable<StateRecord>;
}

/** Every name that one of the lists has, once, in order. @throws what the lists throw */
export async function* march(lists: MarchLists): AsyncGenerator<Met, void, undefined> {
	const source = lists.source[Symbol.asyncIterator]();
	const target = lists.target[Symbol.asyncIterator]();
	const records = lists.records[Symbol.asyncIterator]();
	try {
		let [here, there, known] = await Promise.all([source.next(), target.next(), records.next()]);
		for (;;) {
			const name = smallest(here, there, known);
			if (name === undefined) return;
			const met: Met = { name };
			if (!here.done && here.value.name === name) met.source = here.value;
			if (!there.done && there.value.name === name) met.target = there.value;
			if (!known.done && known.value.name === name) met.record = known.value;
			yield met;
			if (met.source) here = await source.next();
			if (met.target) there = await target.next();
			if (met.record) known = await records.next();
		}
	} finally {
		await Promise.allSettled([source.return?.(), target.return?.(), records.return?.()]);
	}
}

function smallest(...heads: IteratorResult<{ name: string }, unknown>[]): string | undefined {
	let name: string | undefined;
	for (const head of heads) {
		if (head.done) continue;
		if (name === undefined || compareNames(head.value.name, name) < 0) name = head.value.name;
	}
	return name;
}

/**
 * Makes sure that a list is sorted: out of order, or with a page that comes twice, it would be compared wrongly.
 * @throws BackupError SOURCE_FAILED
 */
export async function* inOrder(
	list: AsyncIterable<Listed>,
	description: string,
): AsyncGenerator<Listed, void, undefined> {
	let before: string | undefined;
	for await (const listed of list) {
		if (before !== undefined && compareNames(before, listed.name) >= 0) {
			throw new BackupError(
				'SOURCE_FAILED',
				`The listing of the ${description} is out of order: ${shownName(listed.name)} comes after ${shownName(before)}. Nothing was removed.`,
				{
					hint: 'The server, or a proxy before it, repeats a page or sorts in an order that is not that of S3. Run the mirror again; if it stays, the server cannot be mirrored.',
				},
			);
		}
		before = listed.name;
		yield listed;
	}
}

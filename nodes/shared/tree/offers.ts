/**
 * Pages of a drop-down of what a backup holds. Its index is read as a stream, in order, again for each page: nothing is kept, so a
 * backup of a million entries takes no more memory than a small one.
 */
import type { ILoadOptionsFunctions, INodeListSearchItems, INodeListSearchResult } from 'n8n-workflow';

import { type ArchiveReader, compareNames, readIndex, shownName, type TreeEntry } from '../../../engine';
import { toListError } from '../errors';
import { readableMinute, readableSize } from '../listSearch/size';
import { heldBackupInEditor, type OfferedTree } from './editorBackup';
import { momentOf } from './entryItem';

/** Further ones come as the user scrolls. */
const PAGE = 100;
/** Milliseconds that a user may have to wait for a page: what was found until then is shown. */
const PATIENCE = 20_000;

/** Something to choose, in the order of names. */
interface Offer {
	name: string;
	label: string;
	/** By default the name. */
	value?: string;
}

/** What a drop-down of entries shows of them. */
interface OfferedEntries extends OfferedTree {
	/** What is shown in place of the size of what is not a file. */
	typeName?: (entry: TreeEntry) => string;
	/** What an entry is called and chosen by, where that is not its name; undefined for one that is no choice. */
	offerOf?: (entry: TreeEntry) => { title: string; value: string } | undefined;
}

/** The entries of the chosen backup. */
export async function entriesOffered(
	context: ILoadOptionsFunctions,
	offered: OfferedEntries,
	filter: string,
	page: string | undefined,
): Promise<INodeListSearchResult> {
	return await pageOf(context, offered, { filter, page }, async function* (reader) {
		const { typeName, offerOf = ({ name }) => ({ title: name, value: name }) } = offered;
		for await (const entry of readIndex(reader)) {
			const offer = offerOf(entry);
			if (offer) yield { name: entry.name, label: labelOf(entry, offer.title, typeName), value: offer.value };
		}
	});
}

/** By the name, for that is what tells the entries of one backup apart: `contracts/offer.pdf · 3.4 MB · 2026-01-31 02:00 UTC` */
function labelOf(entry: TreeEntry, title: string, typeName: ((entry: TreeEntry) => string) | undefined): string {
	const moment = momentOf(entry);
	return [
		shownName(title),
		entry.type === 'file' || !typeName ? readableSize(entry.size) : typeName(entry),
		...(moment ? [readableMinute(moment)] : []),
	].join(' · ');
}

/** What the names of entries begin with in the chosen backup, up to a slash: `contracts/`, `contracts/2026/`. */
export async function prefixesOffered(
	context: ILoadOptionsFunctions,
	offered: OfferedTree,
	filter: string,
	page: string | undefined,
): Promise<INodeListSearchResult> {
	return await pageOf(context, offered, { filter, page }, async function* (reader) {
		for await (const name of prefixesOf(readIndex(reader))) yield { name, label: shownName(name) };
	});
}

/** Each prefix once, in order: what begins alike comes together, so only those of the entry before need be known. */
async function* prefixesOf(entries: AsyncIterable<TreeEntry>): AsyncGenerator<string> {
	let last = '';
	for await (const { name } of entries) {
		for (let end = name.indexOf('/') + 1; end > 0; end = name.indexOf('/', end) + 1) {
			const prefix = name.slice(0, end);
			if (!last.startsWith(prefix)) yield prefix;
		}
		last = name;
	}
}

/** What is typed is searched for word by word in what is shown. A page goes on after the last offer of the one before. */
async function pageOf(
	context: ILoadOptionsFunctions,
	offered: OfferedTree,
	{ filter, page }: { filter: string; page: string | undefined },
	offersIn: (reader: ArchiveReader) => AsyncGenerator<Offer>,
): Promise<INodeListSearchResult> {
	try {
		const reader = await heldBackupInEditor(context, offered);
		const words = filter.toLowerCase().split(/\s+/);
		const results: INodeListSearchItems[] = [];
		const until = performance.now() + PATIENCE;
		let last: string | undefined;
		for await (const { name, label, value = name } of offersIn(reader)) {
			if (offered.isHidden?.(name)) continue;
			if (page !== undefined && compareNames(name, page) <= 0) continue;
			const isOver = results.length >= PAGE || performance.now() > until;
			if (last !== undefined && isOver) return { results, paginationToken: last };
			last = name;
			if (words.every((word) => label.toLowerCase().includes(word))) results.push({ name: label, value });
		}
		return { results };
	} catch (error) {
		throw toListError(context.getNode(), error);
	}
}

import type { ILoadOptionsFunctions, INodeListSearchItems, INodeListSearchResult } from 'n8n-workflow';

import {
	type ArchiveReader,
	BackupError,
	compareNames,
	openArchive,
	readIndex,
	shownName,
	type TreeEntry,
} from '../../../engine';
import { decryptionKeysInEditor } from '../../shared/encryption';
import { toListError } from '../../shared/errors';
import { backupInEditor } from '../../shared/listSearch/backupInEditor';
import { readableMinute, readableSize } from '../../shared/listSearch/size';
import { OWN_FOLDER } from '../backupContent';
import { TYPE_NAMES } from '../entryItem';

/** Further ones come as the user scrolls. */
const PAGE = 100;
/** Milliseconds that a user may have to wait for a page: what was found until then is shown. */
const PATIENCE = 20_000;

/** By the path, for that is what tells the entries of one backup apart: `contracts/offer.pdf · 3.4 MB · 2026-01-31 02:00 UTC` */
function label({ name, type, size, modified }: TreeEntry): string {
	const moment = new Date(Number(modified / 1_000_000n));
	const isTimed = !Number.isNaN(moment.getTime());
	return [
		shownName(name),
		type === 'file' ? readableSize(size) : TYPE_NAMES[type],
		...(isTimed ? [readableMinute(moment)] : []),
	].join(' · ');
}

/** A page of what the chosen backup holds, in the order of paths. What is typed is searched for word by word in what is shown. */
export async function searchEntries(
	this: ILoadOptionsFunctions,
	filter = '',
	page?: string,
): Promise<INodeListSearchResult> {
	try {
		const reader = await chosenReader(this);
		return await pageOf(reader, filter.toLowerCase().split(/\s+/), page);
	} catch (error) {
		throw toListError(this.getNode(), error);
	}
}

/** @param after the last entry of the page before */
async function pageOf(reader: ArchiveReader, words: string[], after?: string): Promise<INodeListSearchResult> {
	const results: INodeListSearchItems[] = [];
	const until = performance.now() + PATIENCE;
	let last: string | undefined;
	for await (const entry of readIndex(reader)) {
		if (after !== undefined && compareNames(entry.name, after) <= 0) continue;
		const isOver = results.length >= PAGE || performance.now() > until;
		if (last !== undefined && isOver) return { results, paginationToken: last };
		last = entry.name;
		const name = label(entry);
		if (words.every((word) => name.toLowerCase().includes(word))) results.push({ name, value: entry.name });
	}
	return { results };
}

async function chosenReader(context: ILoadOptionsFunctions): Promise<ArchiveReader> {
	if (context.getCurrentNodeParameter('source') === 'binaryData') {
		throw new BackupError('INVALID_INPUT', 'What comes in as binary data can be listed only when the workflow runs.', {
			hint: 'Give the path By Path; List Entries puts out what a backup holds.',
		});
	}
	const keys = await decryptionKeysInEditor(context);
	const chosen = await backupInEditor(context, { kind: 'files', ownFolder: OWN_FOLDER, keys });
	if (!chosen) {
		throw new BackupError('INVALID_INPUT', 'No backup is chosen yet, or an expression chooses it.', {
			hint: 'Choose one in Backup, or give the path By Path.',
		});
	}
	const { entry, storage } = chosen;
	return await openArchive(storage, { manifest: entry.manifest, folder: entry.folder }, keys);
}

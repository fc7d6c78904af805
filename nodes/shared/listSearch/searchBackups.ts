import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { type BackupKind, listManifests, type Manifest } from '../../../engine';
import { toNodeError } from '../errors';
import { folderPrefix } from '../folder';
import { partialWords } from '../partial';
import { openStorageForList } from '../storage';

import { readableSize, readableTime } from './size';

/** `shop, 2026-01-31 02:00:00 UTC, 3.4 MB, schema only, encrypted` */
export function label(manifest: Manifest): string {
	const {
		name,
		startedAt,
		size: { stored },
		encryption,
	} = manifest;
	const facts = [name, readableTime(new Date(startedAt)), readableSize(stored)];
	return [...facts, ...partialWords(manifest), ...(encryption ? ['encrypted'] : [])].join(', ');
}

/** The backups of one kind in the storage, newest first. */
export async function backupsFound(
	context: ILoadOptionsFunctions,
	filter: string,
	{ kind, ownFolder }: { kind: BackupKind; ownFolder: string },
): Promise<INodeListSearchResult> {
	try {
		const storage = await openStorageForList(context);
		const { backups } = await listManifests(storage, folderPrefix(context, ownFolder), { kind });
		const entries = backups.map(({ manifest }) => ({ name: label(manifest), value: manifest.id }));
		return { results: entries.filter(({ name }) => name.toLowerCase().includes(filter.toLowerCase())) };
	} catch (error) {
		throw toNodeError(context.getNode(), error);
	}
}

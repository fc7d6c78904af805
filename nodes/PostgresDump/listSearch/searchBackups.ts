import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { listManifests, type Manifest } from '../../../engine';
import { toNodeError } from '../../shared/errors';
import { partialWords } from '../../shared/partial';
import { openStorageForList } from '../../shared/storage';
import { folderPrefix } from '../chosenManifest';

import { readableSize, readableTime } from './size';

/** `shop, 2026-01-31 02:00:00 UTC, 3.4 MB, schema only, encrypted` */
function label(manifest: Manifest): string {
	const {
		name,
		startedAt,
		size: { stored },
		encryption,
	} = manifest;
	const facts = [name, readableTime(new Date(startedAt)), readableSize(stored)];
	return [...facts, ...partialWords(manifest), ...(encryption ? ['encrypted'] : [])].join(', ');
}

/** The backups in the storage that the node may restore, newest first. */
export async function searchBackups(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
	try {
		const globals = this.getCurrentNodeParameter('restoreKind') === 'globals';
		const kind = globals ? 'postgres-globals' : 'postgres';
		const { backups } = await listManifests(await openStorageForList(this), folderPrefix(this), { kind });
		const entries = backups.map(({ manifest }) => ({ name: label(manifest), value: manifest.id }));
		return { results: entries.filter(({ name }) => name.toLowerCase().includes(filter.toLowerCase())) };
	} catch (error) {
		throw toNodeError(this.getNode(), error);
	}
}

import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { listManifests, type Manifest } from '../../../engine';
import { toNodeError } from '../../shared/errors';
import { openStorageForList } from '../../shared/storage';
import { folderPrefix } from '../chosenManifest';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

function size(bytes: number): string {
	const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
	return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power]}`;
}

/** `shop, 2026-01-31 02:00:00 UTC, 3.4 MB, encrypted` */
function label({ name, startedAt, size: { stored }, encryption }: Manifest): string {
	const time = `${startedAt.slice(0, 10)} ${startedAt.slice(11, 19)} UTC`;
	return [name, time, size(stored), ...(encryption ? ['encrypted'] : [])].join(', ');
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

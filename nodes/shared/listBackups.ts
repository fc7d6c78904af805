import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import {
	type BackupEntry,
	type BackupKind,
	type DamagedManifest,
	DerivationBudget,
	isAuthentic,
	listManifests,
} from '../../engine';
import { mapBounded } from '../../engine/verify';

import { type ContentOf, describeBackup } from './backupItem';
import { folderOption } from './descriptions/source';
import { provingPassphrase } from './encryption';
import { collectionOf, numberOf, textOf } from './fields';
import { folderOf, prefixOf } from './folder';
import { type Operation, shownFor } from './operation';
import { openStorage } from './storage';
import { verifiedOf } from './verified';

const HOUR_MS = 3_600_000;
const shown = shownFor(['listBackups']);

/** Whose backups a node lists. */
export interface ListedBackups {
	kinds: BackupKind[];
	ownFolder: string;
	contentOf: ContentOf;
	/** The field to filter by name with. */
	nameFilter: { displayName: string; name: string; placeholder: string; description: string };
}

/** `complete` means that the archive is there with the size that its manifest tells; its contents were not read. */
function stateOf({ foundSize, manifest }: BackupEntry): string {
	if (foundSize === undefined) return 'missing';
	return foundSize === manifest.size.stored ? 'complete' : 'wrongSize';
}

function describe(entry: BackupEntry, contentOf: ContentOf): IDataObject {
	const ageHours = (Date.now() - Date.parse(entry.manifest.startedAt)) / HOUR_MS;
	return {
		...describeBackup(entry.manifest, entry.key, contentOf),
		ageHours: Math.round(ageHours * 100) / 100,
		state: stateOf(entry),
	};
}

function placeOf({ manifestKey, folder }: BackupEntry) {
	return { where: manifestKey, folder };
}

function describeDamaged({ manifestKey, error }: DamagedManifest): IDataObject {
	return { state: 'damagedManifest', manifestKey, error: error.message };
}

function limitOf(context: IExecuteFunctions, item: number): number {
	return numberOf(context.getNodeParameter('limit', item), 'Limit', { min: 1, max: Number.MAX_SAFE_INTEGER });
}

/** The operation that lists the backups of a system in the storage, newest first: one item for each. */
export function listBackupsOperation({ kinds, ownFolder, contentOf, nameFilter }: ListedBackups): Operation {
	return {
		description: [
			{ ...nameFilter, type: 'string', default: '', displayOptions: shown },
			{
				displayName: 'Return All',
				name: 'returnAll',
				type: 'boolean',
				default: false,
				description: 'Whether to return all results or only up to a given limit',
				displayOptions: shown,
			},
			{
				displayName: 'Limit',
				name: 'limit',
				type: 'number',
				typeOptions: { minValue: 1 },
				default: 50,
				description: 'Max number of results to return',
				displayOptions: shownFor(['listBackups'], { returnAll: [false] }),
			},
			{
				displayName: 'Options',
				name: 'options',
				type: 'collection',
				placeholder: 'Add Option',
				default: {},
				displayOptions: shown,
				options: [folderOption(ownFolder)],
			},
		],
		async execute(context, item) {
			const storage = await openStorage(context, item);
			const name = textOf(context.getNodeParameter(nameFilter.name, item), nameFilter.displayName).trim();
			const folder = folderOf(collectionOf(context, 'options', item, 'Options'), ownFolder);
			const signal = context.getExecutionCancelSignal();
			const limit = context.getNodeParameter('returnAll', item) ? Infinity : limitOf(context, item);
			const filter = { kind: kinds, limit, ...(name === '' ? {} : { name }) };
			const passphrase = await provingPassphrase(context, item);
			const budget = new DerivationBudget();
			const found = await listManifests(storage, prefixOf(folder), filter, signal);
			// What is not listed is not looked up.
			const listed = await mapBounded(found.backups, async (entry) => ({
				...describe(entry, contentOf),
				authentic: passphrase ? await isAuthentic(entry.manifest, placeOf(entry), passphrase, budget) : null,
				verified: await verifiedOf(storage, { key: entry.key, id: entry.manifest.id }, signal),
			}));
			const damaged = found.damaged.map(describeDamaged).slice(0, Math.max(0, limit - listed.length));
			return [...listed, ...damaged].map((json) => ({ json }));
		},
	};
}

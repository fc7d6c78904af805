import type { IDataObject } from 'n8n-workflow';

import {
	BackupError,
	type BackupKind,
	type DamagedManifest,
	DerivationBudget,
	isAuthentic,
	type ListedBackup,
	listManifests,
	type Manifest,
	MANIFEST_SUFFIX,
	NewerManifest,
	readManifest,
	type Storage,
	mapInParallel,
} from '../../engine';

import { backupColumns, countsDiffer, mainCount } from './backupColumns';
import { type ContentOf, describeBackup, rounded } from './backupItem';
import { limitFields, limitOf } from './descriptions/limit';
import { optionsField } from './descriptions/options';
import { simplifyField } from './descriptions/simplify';
import { folderOption } from './descriptions/source';
import { provingPassphrase } from './encryption';
import { collectionOf, textOf } from './fields';
import { folderOf, prefixOf } from './folder';
import { showWarnings } from './hints';
import { NEWER } from './listSearch/label';
import { type Operation, shownFor } from './operation';
import { isSimplified, itemOf } from './simplify';
import { openStorage } from './storage';
import { verificationOf } from './verified';

/** Backups that are looked up at once. */
const READERS = 8;
const HOUR_MS = 3_600_000;
const UNREADABLE: ReadonlySet<string> = new Set(['MANIFEST_INVALID', 'MANIFEST_NEWER']);
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
type ArchiveState = 'complete' | 'missing' | 'wrongSize' | 'damagedManifest' | 'newerVersion';

const PROBLEMS: Partial<Record<ArchiveState, string>> = {
	missing: 'archive missing',
	wrongSize: 'archive of another size',
};

/** What is known of a backup beside its summary; null where it is not known. */
interface Found {
	/** Read only where it is asked for: by details, and by the proof that it carries. */
	whole: Manifest | null;
	authentic: boolean | null;
	verification: Awaited<ReturnType<typeof verificationOf>>;
}

function archiveStateOf({ foundSize, manifest }: ListedBackup): ArchiveState {
	if (foundSize === undefined) return 'missing';
	return foundSize === manifest.size.stored ? 'complete' : 'wrongSize';
}

function listedItem(
	entry: ListedBackup,
	{ contentOf, kinds }: Pick<ListedBackups, 'contentOf' | 'kinds'>,
	{ whole, authentic, verification }: Found,
	isSimple: boolean,
): IDataObject {
	const { manifest, key } = entry;
	const archiveState = archiveStateOf(entry);
	const problem = PROBLEMS[archiveState];
	const problems = [...(problem ? [problem] : []), ...(authentic === false ? ['forged'] : [])];
	const verified = verification?.verdict ?? 'never';
	const amongOthers = countsDiffer(kinds);
	const ageHours = rounded((Date.now() - Date.parse(manifest.startedAt)) / HOUR_MS);
	return itemOf(
		backupColumns(manifest, { key, problems, verified, amongOthers }),
		{
			...(amongOthers && mainCount(manifest)),
			...(whole && describeBackup(whole, key, contentOf)),
			ageHours,
			archiveState,
			authentic,
			verification: verification && { ...verification },
		},
		isSimple,
	);
}

/** The whole manifest of a listed backup; undefined for one that was deleted since, an error for one that was damaged. */
async function wholeManifest(
	storage: Storage,
	{ manifestKey }: ListedBackup,
	signal: AbortSignal | undefined,
): Promise<Manifest | BackupError | undefined> {
	const reading = readManifest(storage, manifestKey, signal).then(({ manifest }) => manifest);
	return await reading.catch((error: unknown) => {
		if (error instanceof BackupError && error.code === 'STORAGE_MISSING') return undefined;
		if (error instanceof BackupError && UNREADABLE.has(error.code)) return error;
		throw error;
	});
}

/** What is not known of it for want of a manifest is the name of its file and when that was written. */
export function damagedItem({ manifestKey, modifiedAt, error }: DamagedManifest, isSimple: boolean): IDataObject {
	const isNewer = error instanceof NewerManifest;
	const archiveState: ArchiveState = isNewer ? 'newerVersion' : 'damagedManifest';
	const columns = {
		name: manifestKey.slice(manifestKey.lastIndexOf('/') + 1, -MANIFEST_SUFFIX.length),
		startedAt: modifiedAt.toISOString(),
		state: `${isNewer ? NEWER : 'damaged manifest'}: ${error.message}`,
		key: manifestKey,
	};
	return itemOf(columns, { archiveState, manifestKey, error: error.message }, isSimple);
}

/** The operation that lists the backups of a system in the storage, newest first: one item for each. */
export function listBackupsOperation({ kinds, ownFolder, contentOf, nameFilter }: ListedBackups): Operation {
	return {
		description: [
			{ ...nameFilter, type: 'string', default: '', displayOptions: shown },
			...limitFields('listBackups'),
			simplifyField(shown),
			optionsField('listBackups', [folderOption(ownFolder)]),
		],
		async execute(context, item) {
			const isSimple = isSimplified(context, item);
			const storage = await openStorage(context, item);
			const name = textOf(context.getNodeParameter(nameFilter.name, item), nameFilter.displayName).trim();
			const folder = folderOf(collectionOf(context, 'options', item, 'Options'), ownFolder);
			const signal = context.getExecutionCancelSignal();
			const limit = limitOf(context, item);
			const filter = { kind: kinds, limit, ...(name === '' ? {} : { name }) };
			const passphrase = await provingPassphrase(context, item);
			const budget = new DerivationBudget();
			const found = await listManifests(storage, prefixOf(folder), filter, signal);
			// What is not listed is not looked up.
			const items = await mapInParallel(found.backups, READERS, async (entry): Promise<IDataObject[]> => {
				const { key, manifestKey, folder, hasRecord } = entry;
				const whole = passphrase || !isSimple ? await wholeManifest(storage, entry, signal) : null;
				if (whole === undefined) return [];
				if (whole instanceof BackupError) {
					const modifiedAt = new Date(entry.manifest.finishedAt);
					return [damagedItem({ manifestKey, modifiedAt, error: whole }, isSimple)];
				}
				const place = { where: manifestKey, folder };
				const authentic = passphrase && whole ? await isAuthentic(whole, place, passphrase, budget) : null;
				const backup = { key, id: entry.manifest.id };
				const verification = hasRecord ? await verificationOf(storage, backup, signal) : null;
				return [listedItem(entry, { contentOf, kinds }, { whole, authentic, verification }, isSimple)];
			});
			const listed = items.flat();
			const unreadable = found.damaged.slice(0, Math.max(0, limit - listed.length));
			const damaged = unreadable.map((one) => damagedItem(one, isSimple));
			if (listed.length + damaged.length === 0) {
				const where = `${folder === '' ? '' : `${prefixOf(folder)} in `}the ${storage.description}`;
				showWarnings(context, [`There is no backup${name === '' ? '' : ` of ${name}`} in ${where}.`]);
			}
			return [...listed, ...damaged].map((json) => ({ json }));
		},
	};
}

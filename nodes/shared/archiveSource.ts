import type { IExecuteFunctions, INodeParameterResourceLocator } from 'n8n-workflow';

import {
	BackupError,
	type BackupEntry,
	type BackupKind,
	type BackupReference,
	type DecryptionKeys,
	findBackup,
	type Manifest,
	type NamedReference,
	parseManifest,
	type Storage,
} from '../../engine';

import { limitedStorage } from './bandwidth';
import { BinaryInput } from './binaryInput';
import { isDryRun } from './descriptions/dryRun';
import { assertNotAsked, referenceToLatest } from './descriptions/whichOfItsName';
import { decryptionKeys } from './encryption';
import { prefixOf } from './folder';
import { eventOf } from './journal';
import { whileVisible } from './runControl';
import { openStorage } from './storage';

/** Where an archive, or a file made by others, is to be read from. */
export interface ArchivePlace {
	storage: Storage;
	/** The key of the archive. */
	key: string;
	/** Folder of the archive in the storage; undefined for what comes in by itself. */
	folder: string | undefined;
	/** Undefined for a file without one. */
	manifest: Manifest | undefined;
	/** What the Backup Encryption credential holds, where one is selected. */
	keys: DecryptionKeys | undefined;
	/** What the user has to know of how the backup was chosen. */
	remark?: string;
}

/** Which backups of the storage a field may name. */
export interface WantedBackup {
	/** The first of them is what the latest backup is looked for among. */
	kinds: [BackupKind, ...BackupKind[]];
	folder: string;
	/** What to do about a backup of another kind. */
	hint: string;
	/** The backup by the name that it has in the storage, where what was backed up is called by others as well. */
	byName?: (
		storage: Storage,
		reference: NamedReference,
		prefix: string,
		signal: AbortSignal | undefined,
		keys: DecryptionKeys | undefined,
	) => Promise<NamedReference>;
}

const MANIFEST_FIELD = 'manifest';

/**
 * The backup that the Backup field names, or another field of its form.
 * @throws BackupError STORAGE_MISSING, MANIFEST_INVALID, NOT_AUTHENTIC, KEY_WRONG, INVALID_INPUT
 */
export async function chosenBackup(
	context: IExecuteFunctions,
	item: number,
	storage: Storage,
	{ kinds, folder, hint, byName }: WantedBackup,
	keys: DecryptionKeys | undefined,
	{ name, label } = { name: 'backup', label: 'Backup' },
): Promise<BackupEntry> {
	const { mode, value } = context.getNodeParameter(name, item) as INodeParameterResourceLocator;
	const text = String(value ?? '').trim();
	if (text === '') {
		throw new BackupError('INVALID_INPUT', `No ${label.toLowerCase()} is chosen.`, { hint: `Fill in ${label}.` });
	}
	eventOf(context, item).tell({ file: text });
	const asked = referenceOf(context, item, { mode, value: text, kind: kinds[0] });
	const prefix = prefixOf(folder);
	const signal = context.getExecutionCancelSignal();
	const reference = byName && !('file' in asked) ? await byName(storage, asked, prefix, signal, keys) : asked;
	const entry = await findBackup(storage, reference, prefix, signal, keys);
	eventOf(context, item).reads(entry.manifest, entry.key);
	if (kinds.includes(entry.manifest.kind)) return entry;
	throw new BackupError('INVALID_INPUT', `The backup ${entry.key} holds ${entry.manifest.kind}, not ${kinds[0]}.`, {
		hint,
	});
}

function referenceOf(
	context: IExecuteFunctions,
	item: number,
	{ mode, value, kind }: { mode: string; value: string; kind: BackupKind },
): BackupReference {
	if (mode === 'latest') return referenceToLatest(context, item, value, kind);
	assertNotAsked(context, item);
	return mode === 'file' ? { file: value } : { id: value };
}

/** Runs `use` with an incoming binary file, which may come with its manifest. */
export async function withIncomingFile<T>(
	context: IExecuteFunctions,
	item: number,
	use: (place: ArchivePlace) => Promise<T>,
): Promise<T> {
	const field: unknown = context.getNodeParameter('binaryPropertyName', item);
	const name = String(field);
	const binary = context.helpers.assertBinaryData(item, name);
	const manifest = incomingManifest(context, item);
	const key = manifest?.file ?? binary.fileName ?? name;
	eventOf(context, item).reads(manifest, key);
	eventOf(context, item).tell({ from: 'binary data' });
	const storage = await BinaryInput.open(context.helpers, binary, key);
	try {
		const limited = limitedStorage(context, item, storage);
		const keys = await decryptionKeys(context, item);
		return await whileRestoring(context, item, limited, manifest ?? { key }, async (visible) => {
			return await use({ storage: visible, key, folder: undefined, manifest, keys });
		});
	} finally {
		storage.close();
	}
}

/** The manifest that came with binary data; undefined where none did. @throws BackupError MANIFEST_INVALID, MANIFEST_NEWER */
export function incomingManifest(context: IExecuteFunctions, item: number): Manifest | undefined {
	const value: unknown = context.getNodeParameter(MANIFEST_FIELD, item, '');
	if (value === undefined || value === null || value === '') return undefined;
	return parseManifest(typeof value === 'string' ? value : JSON.stringify(value), 'of the incoming item');
}

/** Runs `use` with what the Source fields name. */
export async function withArchive<T>(
	context: IExecuteFunctions,
	item: number,
	wanted: WantedBackup,
	use: (place: ArchivePlace) => Promise<T>,
): Promise<T> {
	if (context.getNodeParameter('source', item) === 'binaryData') return await withIncomingFile(context, item, use);
	const keys = await decryptionKeys(context, item);
	const storage = await openStorage(context, item);
	const { key, folder, manifest, remark } = await chosenBackup(context, item, storage, wanted, keys);
	return await whileRestoring(context, item, storage, manifest, async (visible) => {
		return await use({ storage: visible, key, folder, manifest, keys, ...(remark ? { remark } : {}) });
	});
}

/** What is restored: a backup, or a file of others. */
type Restored = Pick<Manifest, 'kind' | 'name' | 'size'> | { key: string };

/** Runs `use` as a restore that others can see; where the operation only looks at the backup, as nothing in particular. */
export async function whileRestoring<T>(
	context: IExecuteFunctions,
	item: number,
	storage: Storage,
	restored: Restored,
	use: (storage: Storage) => Promise<T>,
): Promise<T> {
	const operation: unknown = context.getNodeParameter('operation', item, '');
	const isRestore = typeof operation === 'string' && /^(restore|import)/.test(operation);
	if (!isRestore || isDryRun(context, item)) return await use(storage);
	const about =
		'key' in restored
			? { kind: '', name: restored.key, total: async () => (await storage.stat(restored.key))?.size }
			: { kind: restored.kind, name: restored.name, total: () => Promise.resolve(restored.size.stored) };
	return await whileVisible(context, item, storage, { action: 'restore', ...about }, use);
}

/** The key of a file in the storage that a field names (descriptions/source.ts). @throws BackupError INVALID_INPUT */
export function chosenFile(context: IExecuteFunctions, item: number, field: string): string {
	const locator = context.getNodeParameter(field, item) as INodeParameterResourceLocator;
	const key = String(locator.value ?? '').trim();
	eventOf(context, item).tell({ file: key });
	if (key !== '') return key;
	throw new BackupError('INVALID_INPUT', 'No file is chosen.', { hint: 'Fill in File.' });
}

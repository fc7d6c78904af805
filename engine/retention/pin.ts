import {
	findBackup,
	formatManifest,
	listManifests,
	parseManifest,
	type BackupReference,
	type KnownBackup,
	type Manifest,
	withLock,
} from '../archive';
import { CHECKSUM } from '../archive/manifest/manifest';
import { manifestBytes } from '../archive/manifest/file';
import { BackupError } from '../errors';
import type { Storage } from '../storage/storage';

export interface PinOptions {
	storage: Storage;
	/** By id and as the latest, a backup is meant with its weekly copies; by file, that file alone. */
	reference: BackupReference;
	/** True keeps it from every prune, false gives it back to the policy. */
	pinned: boolean;
	/** Where to look for an id or the latest: `postgres/`. Default the whole storage. */
	prefix?: string;
	/** Who holds the lock, for the message that others get. No secrets. */
	owner: string;
	signal?: AbortSignal;
}

/** A backup, or a weekly copy of it. */
export interface PinnedBackup {
	/** As it is now. */
	manifest: Manifest;
	key: string;
	/** False where it was as it should be already. */
	changed: boolean;
	/** Whether the archive is there, in the size that its manifest states. */
	complete: boolean;
}

/**
 * Pins a backup, or takes its pin away: of the manifest nothing else changes, not even what a later version of it may hold
 * that this one does not know. It is replaced in one step, with the storage's lock held: a prune at the same time would
 * already have decided.
 * @throws BackupError STORAGE_MISSING (no such backup), STORAGE_LOCKED, MANIFEST_INVALID, INVALID_INPUT (a name that backups
 * of several kinds have), CANCELLED, and what the storage throws
 */
export async function setPinned(options: PinOptions): Promise<PinnedBackup[]> {
	const { storage, pinned, owner, signal } = options;
	return await withLock(storage, { owner, ...(signal && { signal }) }, async () => {
		const result: PinnedBackup[] = [];
		for (const { key, manifestKey, foundSize, manifest: told } of await chosen(options)) {
			const rewritten = await rewrite(storage, manifestKey, told.id, pinned, signal);
			if (!rewritten) continue;
			const { manifest, changed } = rewritten;
			result.push({ manifest, key, changed, complete: foundSize === manifest.size.stored });
		}
		return result;
	});
}

async function chosen({ storage, reference, prefix = '', signal }: PinOptions): Promise<KnownBackup[]> {
	if ('latest' in reference) await assertOneKind(storage, reference, prefix, signal);
	const found = await findBackup(storage, reference, prefix, signal);
	if ('file' in reference) return [found];
	// The copies may lie anywhere; their names are the original's.
	const { backups } = await listManifests(storage, '', { name: found.manifest.name }, signal);
	const copies = backups.filter(({ key, manifest }) => key !== found.key && manifest.id === found.manifest.id);
	return [found, ...copies];
}

/** A database and a collection may have the same name: the newest of both would be anybody's guess. */
async function assertOneKind(
	storage: Storage,
	{ latest, kind }: { latest: string; kind?: Manifest['kind'] },
	prefix: string,
	signal: AbortSignal | undefined,
): Promise<void> {
	if (kind) return;
	const { backups } = await listManifests(storage, prefix, { name: latest }, signal);
	const kinds = [...new Set(backups.map(({ manifest }) => manifest.kind))].sort();
	if (kinds.length <= 1) return;
	throw new BackupError('INVALID_INPUT', `There are backups of ${latest} of several kinds: ${kinds.join(', ')}.`, {
		hint: 'Choose one from the list, by its id or by its file.',
	});
}

/** The catalogue says where copies lie, and may be wrong: undefined where the manifest belongs to another backup. */
async function rewrite(
	storage: Storage,
	manifestKey: string,
	id: string,
	pinned: boolean,
	signal: AbortSignal | undefined,
): Promise<{ manifest: Manifest; changed: boolean } | undefined> {
	const text = (await manifestBytes(storage, manifestKey, signal))?.toString('utf8');
	if (text === undefined) {
		throw new BackupError('STORAGE_MISSING', `The manifest ${manifestKey} was removed meanwhile.`, {
			hint: 'List the backups to see what the storage holds.',
		});
	}
	const manifest = parseManifest(text, manifestKey);
	if (manifest.id !== id) return undefined;
	if ((manifest.pinned ?? false) === pinned) return { manifest, changed: false };
	const content = JSON.parse(text) as Manifest & Record<string, unknown>;
	delete content[CHECKSUM];
	delete content.pinned;
	if (pinned) content.pinned = true;
	const written = formatManifest(content);
	// Nothing is replaced by what could not be read again.
	const changed = parseManifest(written, manifestKey);
	await storage.replace(manifestKey, Buffer.from(written), signal ? { signal } : {});
	return { manifest: changed, changed: true };
}

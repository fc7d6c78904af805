/**
 * How a set is backed up: its entries are listed in order, compared with the backup before, and what is new is written into
 * archives of at most so many bytes. All but the last are checkpoints: each is committed as soon as it is full, holds the
 * content and the index of its entries, and is no backup. The last archive is the backup. Its index is whole: it has the
 * chunks of the checkpoints, copied as they are, and its own.
 *
 * So a run that is killed after hours has left checkpoints, and the next one finds in them what it need not read again. What
 * fits into one archive is one archive.
 */
import {
	beginArchive,
	openArchive,
	type ArchiveChoices,
	type DecryptionKeys,
	type Manifest,
	type NewArchive,
	type NumberRange,
} from '../archive';
import { MAX_NEEDS } from '../archive/manifest/manifest';
import { BackupError, cancelled, throwIfCancelled } from '../errors';
import { inParallel } from '../parallel';
import { stepsAhead, type Step } from './ahead';
import { baseEntries } from './base';
import type { ArchivePlace, ChosenBase } from './chooseBase';
import { compared, type ComparedWith } from './compare';
import type { TreeEntry } from './entry';
import { FormerEntries } from './former';
import { indexChunks } from './read-index';
import type { TreeSource } from './source';
import { newTally, TreeArchive, type Names, type Tally, type WriteContext } from './write-archive';

/** GiB after which a checkpoint is committed. An S3 server takes 5 TiB in one object. */
export const CHECKPOINT_GIB: NumberRange = { min: 1, max: 4096 };
const USUAL_CHECKPOINT_GIB = 16;
const GIB = 1024 ** 3;
/** After so many checkpoints they become twice as large. */
const GROWS_AFTER = 500;
const LOOKED_AT_ONCE = 16;

/** Where the archives lie whose content may be used, those of this run included. */
interface WithPlaces {
	places: ReadonlyMap<string, ArchivePlace>;
}

export interface BackUpTreeOptions extends ArchiveChoices {
	archive: Omit<NewArchive, 'extension'>;
	source: TreeSource;
	/** Archives whose content is used: see chooseBase. NO_BASE makes a whole backup. */
	base: ChosenBase;
	/** What opens the archives that are being written; without it, all of the set goes into one archive. */
	keys?: DecryptionKeys;
	/** Bytes of content after which a checkpoint is committed; 16 GiB by default. A file is never cut, whatever its size. */
	checkpointBytes?: number;
	/** How many other archives the backup may need; as many as a manifest may name by default. */
	mostNeeds?: number;
	/** What the manifest is to say of the source, asked when everything was read. */
	describe: () => TreeDetails;
	onProgress?: (progress: TreeProgress) => void;
	log?: (line: string) => void;
}

export interface TreeDetails extends Pick<Manifest, 'source' | 'partial'> {
	options?: Manifest['options'];
	counts?: Manifest['counts'];
	warnings?: string[];
}

export interface TreeProgress {
	/** Bytes of content that were looked at so far. */
	bytes: number;
	entries: number;
}

/**
 * Backs up a set. Resolves with the manifest of the backup, which names what it needs.
 * @throws BackupError CANCELLED, and what the source and the storage throw. Checkpoints stay, and the next run goes on from them.
 */
export async function backUpTree(options: BackUpTreeOptions): Promise<Manifest> {
	const { source, base, onProgress } = options;
	const signal = options.signal ?? new AbortController().signal;
	throwIfCancelled(signal);
	const places = new Map(base.places);
	const tally = newTally();
	const steps = stepsAhead(compared(source.entries(signal), earlierEntries(source, base, signal)), source, signal);
	let entries = 0;
	let bytes = 0;
	const onBytes = (more: number) => {
		entries++;
		bytes += more;
		onProgress?.({ bytes, entries });
	};
	const context: WriteContext = { source, tally, limit: 0, signal, onBytes };
	const checkpoints: Manifest[] = [];
	try {
		for (;;) {
			context.limit = limitOf({ ...options, places }, checkpoints.length);
			const { manifest, key, isLast } = await oneArchive({ ...options, places }, context, steps, checkpoints);
			if (isLast) return manifest;
			checkpoints.push(manifest);
			places.set(manifest.id, { key, size: manifest.size.stored });
			if (checkpoints.length === 1) await assertReadable(options, manifest);
			options.log?.(`Committed checkpoint ${checkpoints.length}, ${manifest.file}`);
		}
	} catch (error) {
		throw signal.aborted ? cancelled() : error;
	} finally {
		await steps.return(undefined);
		source.close?.();
	}
}

/** What the entries of a source are compared with. */
function earlierEntries(source: TreeSource, base: ChosenBase, signal: AbortSignal): ComparedWith {
	if (base.archives.length === 0) return { before: undefined };
	return {
		before: baseEntries(base, signal),
		former: source.former && new FormerEntries(source.former, () => baseEntries(base, signal, 'all')),
		unlisted: source.unlisted && (async (known: TreeEntry) => await source.unlisted?.(known, signal)),
	};
}

/**
 * Bytes after which the archive that is begun now is closed. The index of a checkpoint is read again for the backup's own, which
 * takes the keys. A backup can need so many archives only, so checkpoints grow when there are many, and at last there are no more.
 */
function limitOf(
	{
		encryption,
		keys,
		checkpointBytes = USUAL_CHECKPOINT_GIB * GIB,
		mostNeeds = MAX_NEEDS,
		places,
	}: BackUpTreeOptions & WithPlaces,
	checkpoints: number,
): number {
	const canBeRead = !encryption || keys?.passphrase !== undefined || (keys?.privateKeys?.length ?? 0) > 0;
	// Any of the older archives may come to be used.
	if (!canBeRead || places.size >= mostNeeds) return Infinity;
	return checkpointBytes * 2 ** Math.floor(checkpoints / GROWS_AFTER);
}

/** Finds out early, not when all was read, where the keys do not open what is written. @throws BackupError KEY_WRONG, KEY_MISSING */
async function assertReadable({ storage, keys, folder }: BackUpTreeOptions, manifest: Manifest): Promise<void> {
	const reader = await openArchive(storage, { manifest, folder: folder ?? manifest.folder }, keys);
	await reader.checkKeys();
}

async function oneArchive(
	options: BackUpTreeOptions & WithPlaces,
	context: WriteContext,
	steps: AsyncGenerator<Step>,
	checkpoints: readonly Manifest[],
): Promise<{ manifest: Manifest; key: string; isLast: boolean }> {
	const { archive, runId, tags } = options;
	const writer = await beginArchive(options, { ...archive, extension: 'tar' });
	try {
		const contents = new TreeArchive(writer, context);
		const isLast = await contents.fill(steps);
		if (isLast) for (const checkpoint of checkpoints) await copyIndex(options, checkpoint, contents);
		await contents.end();
		// A checkpoint may hold nothing but folders and links: stock tools look for them there.
		const needed = new Set([...context.tally.uses.keys(), ...(isLast ? checkpoints.map(({ id }) => id) : [])]);
		needed.delete(writer.id);
		const needs = [...needed];
		await assertThere(options, needs);
		const details = isLast
			? completeDetails(options, context.tally)
			: checkpointDetails(options, context.tally, writer.id);
		const manifest = await writer.commit({ ...details, needs, runId, tags, ...(!isLast && { checkpoint: true }) });
		// A prune that looked before the manifest was there may have been at work.
		if (isLast) await assertThere(options, needs);
		return { manifest, key: writer.key, isLast };
	} catch (error) {
		await writer.abort(error);
		throw error;
	}
}

/**
 * Whether the older archives whose content the backup uses are still there: somebody may have removed one meanwhile.
 * @throws BackupError ARCHIVE_INCOMPLETE
 */
async function assertThere(
	{ storage, places }: BackUpTreeOptions & WithPlaces,
	needs: readonly string[],
): Promise<void> {
	await inParallel(needs, LOOKED_AT_ONCE, async (id) => {
		const place = places.get(id);
		if (place && (await storage.stat(place.key))?.size === place.size) return;
		throw new BackupError(
			'ARCHIVE_INCOMPLETE',
			`${place?.key ?? id}, whose content this backup uses, went away while it ran.`,
			{
				hint: 'Run it again: it will not use that archive. Do not let a prune and two backups of one set run at once.',
			},
		);
	});
}

async function copyIndex(
	{ storage, keys, folder, signal }: BackUpTreeOptions,
	manifest: Manifest,
	contents: TreeArchive,
): Promise<void> {
	const reader = await openArchive(storage, { manifest, folder: folder ?? manifest.folder }, keys);
	for await (const chunk of indexChunks(reader, signal)) await contents.copyChunk(chunk);
}

function checkpointDetails({ describe }: BackUpTreeOptions, { uses }: Tally, id: string) {
	const { source, options } = describe();
	return { source: { ...source, uses: { [id]: uses.get(id) ?? 0 } }, options, counts: {}, warnings: [] };
}

function completeDetails({ describe, base: { increment, warning } }: BackUpTreeOptions, tally: Tally) {
	const { source, partial, options, counts, warnings = [] } = describe();
	const { files, directories, symlinks, links, stored, reused, bytes, uses } = tally;
	return {
		source: { ...source, uses: Object.fromEntries(uses) },
		...(partial && { partial }),
		options,
		counts: { files, directories, symlinks, links, stored, reused, bytes, increment, ...counts },
		warnings: [...warnings, ...warningsOf(tally), ...(warning ? [warning] : [])],
	};
}

function warningsOf({ leftOut, changed }: Tally): string[] {
	const warnings: string[] = [];
	if (leftOut.count > 0) warnings.push(`${leftOut.count} entries were left out: ${some(leftOut)}`);
	if (changed.count > 0) {
		warnings.push(
			`${changed.count} files changed each time they were read, and may be of no single moment: ${some(changed)}`,
		);
	}
	return warnings;
}

function some({ count, first }: Names): string {
	return count > first.length ? `${first.join(', ')} and ${count - first.length} more` : first.join(', ');
}

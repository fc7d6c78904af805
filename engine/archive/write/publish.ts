/** What an archive that is complete says of itself, and how the newest one is pointed at. */
import { messageOf } from '../../errors';
import { CHECKPOINT_VERSION, MANIFEST_VERSION, type Manifest, type ManifestTable } from '../manifest/manifest';
import { latestKey } from '../naming';
import type { ArchiveOutput } from './output';
import { productTool } from '../manifest/tool';
import type { WriterSettings } from './writer-settings';

/** What only the caller knows of a backup, given when it is complete. */
export interface CommitDetails {
	source: Manifest['source'];
	/** Versions of tools that took part: `{ pg_dump: '18.0' }`. Name and version of this package stand first. */
	tool?: Record<string, string>;
	tables?: ManifestTable[];
	counts: Manifest['counts'];
	/** What a backup holds that does not hold all of its source; undefined for a whole one. */
	partial?: Manifest['partial'];
	/** True for an archive that holds content for others and is no backup by itself. */
	checkpoint?: true;
	/** Ids of all other archives whose content the backup uses; none by default. At most MAX_NEEDS. */
	needs?: string[];
	options?: Manifest['options'];
	warnings?: string[];
	runId?: string;
	tags?: string[];
}

/** The manifest of what was written, with the present as the time at which it was finished. */
export function manifestOf(settings: WriterSettings, output: ArchiveOutput, details: CommitDetails): Manifest {
	const { id, name, kind, file, folder, startedAt, codec, encryptor } = settings;
	const {
		tool,
		tables,
		counts,
		partial,
		checkpoint,
		needs = [],
		source,
		options = {},
		warnings = [],
		runId,
		tags = [],
	} = details;
	const { rawBytes, compressedBytes, storedBytes, parts } = output;
	return {
		formatVersion: checkpoint ? CHECKPOINT_VERSION : MANIFEST_VERSION,
		id,
		kind,
		name,
		file,
		folder,
		startedAt: startedAt.toISOString(),
		finishedAt: new Date().toISOString(),
		source,
		tool: { ...productTool(), ...tool },
		codec,
		encryption: encryptor?.facts ?? null,
		size: { raw: rawBytes, compressed: compressedBytes, stored: storedBytes },
		sha256: output.sha256(),
		...(tables ? { tables } : {}),
		counts,
		...(partial ? { partial } : {}),
		...(checkpoint ? { checkpoint } : {}),
		...(needs.length > 0 ? { needs } : {}),
		options,
		warnings,
		...(runId === undefined ? {} : { runId }),
		tags,
		parts,
	};
}

/**
 * Lets the `latest` pointer lead to a backup that stands already, unless it is partial: who follows the pointer by hand is
 * to find everything. Resolves with the manifest; a pointer that cannot be set is a warning in it, since nothing finds a
 * backup by it.
 */
export async function pointAt(settings: WriterSettings, key: string, manifest: Manifest): Promise<Manifest> {
	const { storage, folder, name } = settings;
	if (manifest.partial || manifest.checkpoint) return manifest;
	const pointer = latestKey(folder, name);
	try {
		await storage.setLatest(pointer, key);
		return manifest;
	} catch (error) {
		const warning = `The backup is complete, but its pointer ${pointer} could not be set: ${messageOf(error)}`;
		return { ...manifest, warnings: [...manifest.warnings, warning] };
	}
}

/**
 * Puts a base backup and its increments together, the oldest first, each archive read once from front to back. What pg_combinebackup does
 * with a data directory for each of them is done here with one file in the place of the other, so the room of one is enough.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import type { ArchiveReader } from '../../../archive';
import { throwIfCancelled } from '../../../errors';
import { lstatOrNothing } from '../../../storage/folder-paths';
import { LABEL_BYTES, notALabel, parseBackupLabel } from '../backupLabel';
import { hasManifest, MANIFEST_MEMBER, readBase, type BaseVisitor } from './baseArchive';
import { combinedManifest } from './combinedManifest';
import { DraftFolder } from './draftFolder';
import { applyIncremental, wholeName } from './incrementalFile';

/**
 * What a recovered data directory must not have: the server would go on as a standby, or make links to where tablespaces lay; what lies
 * here is written where it is needed.
 */
const LEFT_OUT: ReadonlySet<string> = new Set(['standby.signal', 'recovery.signal', 'recovery.done', 'tablespace_map']);
const LABEL = 'backup_label';

export interface CombineOptions {
	/** A whole base backup, and the increments that follow it, in order; all that the manifests of the last name. */
	readers: readonly ArchiveReader[];
	/** Absolute; in it folders are made while the work goes on. */
	folder: string;
	/** Bytes of a page of the server. */
	blockBytes: number;
	signal?: AbortSignal | undefined;
	/** As readBase has it. */
	onBytes?: ((bytes: number) => void) | undefined;
}

/** A data directory that was put together. */
export interface Combined {
	draft: DraftFolder;
	/** Files that are not as the newest backup has them, nor put together of increments; whoever writes one anew adds it. */
	changed: Set<string>;
}

/**
 * @returns the data directory, without its backup_manifest
 * @throws BackupError ARCHIVE_CORRUPT, what the readers and the file system throw; the caller removes what was made in the folder
 */
export async function combine({ readers, folder, blockBytes, signal, onBytes }: CombineOptions): Promise<Combined> {
	let before: DraftFolder | undefined;
	for (const [index, reader] of readers.entries()) {
		throwIfCancelled(signal);
		const draft = await DraftFolder.make(path.join(folder, String(index)));
		await readBase(reader, visitorOf(draft, before, blockBytes), { signal, onBytes });
		// What the server had no more.
		await before?.remove();
		before = draft;
	}
	if (!before) throw new RangeError('There is nothing to put together.');
	return { draft: before, changed: new Set((await endLabel(before)) ? [LABEL] : []) };
}

/** Writes the backup_manifest of a data directory that nothing is changed in any more, so that pg_verifybackup takes it. */
export async function writeManifest(
	{ draft, changed }: Combined,
	newest: ArchiveReader,
	signal?: AbortSignal,
): Promise<void> {
	if (!hasManifest(newest)) return;
	await draft.write(MANIFEST_MEMBER, combinedManifest(newest, draft, { changed, leftOut: LEFT_OUT }, signal));
}

function visitorOf(draft: DraftFolder, before: DraftFolder | undefined, blockBytes: number): BaseVisitor {
	return {
		directory: async (name) => await draft.makeFolder(name),
		file: async (name, size, content) => {
			const whole = wholeName(name);
			if (LEFT_OUT.has(name)) await drain(content);
			else if (whole === name || !before) await draft.write(name, content);
			else {
				await draft.moveFrom(before, whole, async (handle) => {
					await applyIncremental({ name: whole, size, content }, handle, blockBytes);
				});
			}
		},
	};
}

/** A server refuses to start from a label that is one of an increment. @returns whether it was one */
async function endLabel(draft: DraftFolder): Promise<boolean> {
	const file = draft.at(LABEL);
	const found = await lstatOrNothing(file.toString());
	if (!found || found.size > LABEL_BYTES) throw notALabel();
	const text = await readFile(file, 'latin1');
	parseBackupLabel(text);
	const ended = text.replace(/^INCREMENTAL FROM (?:LSN|TLI): .*\n/gm, '');
	if (ended === text) return false;
	await draft.replace(LABEL, Buffer.from(ended, 'latin1'));
	return true;
}

async function drain(content: AsyncIterable<Uint8Array>): Promise<void> {
	for await (const chunk of content) void chunk;
}

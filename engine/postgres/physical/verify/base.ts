import type { Manifest } from '../../../archive';
import { ByteCursor, EndedEarly } from '../../../archive/cursor';
import { BackupError, messageOf } from '../../../errors';
import { TarDamage, walkTar } from '../../../tar';
import type { Counts } from '../../../verify/system';
import type { CheckContext } from '../../../verify/types';
import { BACKUP_MANIFEST, DataFiles, type DataFilesOptions } from '../base';
import { isSegmentSize, parseLsn } from '../lsn';

/**
 * Checks the content of a base backup: its tar to the end, each file against PostgreSQL's manifest, and the checksums of the pages. Pages
 * that were damaged when the backup was made are told again: a recovery brings them back as they are.
 * @throws BackupError ARCHIVE_CORRUPT where the tar cannot be read; what the stream throws
 */
export async function checkBaseBackup(
	raw: AsyncIterable<Uint8Array>,
	manifest: Manifest,
	{ found }: CheckContext,
): Promise<Counts> {
	const files = new DataFiles(layoutOf(manifest));
	const cursor = new ByteCursor(raw);
	let hasManifest = false;
	try {
		await walkTar(
			cursor,
			async (member, content) => {
				if (member.type !== 'file') return;
				if (member.name !== BACKUP_MANIFEST) {
					for await (const piece of files.file(member.path, member, content)) void piece;
					return;
				}
				hasManifest = true;
				const problem = await files.compare(content.pass(member.end - content.position));
				if (problem !== undefined) found({ severity: 'error', message: `The base backup is not whole: ${problem}.` });
			},
			{ dialect: 'any' },
		);
	} catch (error) {
		if (!(error instanceof TarDamage) && !(error instanceof EndedEarly)) throw error;
		throw new BackupError('ARCHIVE_CORRUPT', `${manifest.file} is no whole tar: it ${messageOf(error)}.`, {
			hint: 'Choose another backup, or a copy of this one.',
		});
	}
	if (!hasManifest) found(withoutManifest(manifest));
	for (const { file, block } of files.pages?.pages ?? []) {
		found({ severity: 'warning', part: file, message: `Block ${block} of ${file} does not fit its checksum.` });
	}
	const { checked = 0, damaged = 0 } = files.pages ?? {};
	return { files: files.files, bytes: files.bytes, pages: checked, damagedPages: damaged };
}

/** PostgreSQL 12 makes none. */
function withoutManifest({ source }: Manifest): Parameters<CheckContext['found']>[0] {
	const isOld = typeof source['versionNumber'] === 'number' && source['versionNumber'] < 130_000;
	if (isOld)
		return { severity: 'warning', message: 'PostgreSQL 12 makes no manifest: files were compared with nothing.' };
	return { severity: 'error', message: `The base backup holds no ${BACKUP_MANIFEST}.` };
}

/** @throws BackupError MANIFEST_INVALID where the manifest does not tell what pages look like */
function layoutOf({ source, file }: Manifest): DataFilesOptions {
	const { blockBytes, relationFileBytes, startLsn, checksums } = source;
	const isLaidOut =
		typeof blockBytes === 'number' &&
		typeof relationFileBytes === 'number' &&
		typeof startLsn === 'string' &&
		blockBytes >= 1024 &&
		blockBytes <= 32_768 &&
		isSegmentSize(blockBytes * 1024) &&
		Number.isInteger(relationFileBytes / blockBytes);
	if (!isLaidOut) {
		throw new BackupError(
			'MANIFEST_INVALID',
			`The manifest of ${file} does not tell how the cluster lays out its files.`,
			{
				hint: 'It was damaged or edited. Choose another backup.',
			},
		);
	}
	return { blockBytes, relationFileBytes, startLsn: parseLsn(startLsn), hasChecksums: checksums === true };
}

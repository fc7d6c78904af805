/** What backups of instances bring so that they can be verified: see engine/verify/system.ts. */
import { createWriteStream } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

import type { ArchiveReader, Manifest } from '../../archive';
import { ByteCursor } from '../../archive/cursor';
import { BackupError, messageOf } from '../../errors';
import { isErrno } from '../../tree/folder';
import { withScratchFolder } from '../../verify/scratchFolder';
import type { Counts, SystemKind } from '../../verify/system';
import type { CheckContext } from '../../verify/types';
import { problemsOf } from './checkDatabase';
import { tryKey } from './facts';
import { prepareFolder } from './prepareFolder';
import { contentIn, readInstance, walkMembers } from './readInstance';

/** Where an instance is restored for a test: below this folder, in one that is removed afterwards. */
export interface InstanceScratch {
	/** Absolute. */
	folder: string;
}

export const instanceKind: SystemKind<InstanceScratch> = {
	kind: 'n8n-instance',
	holdsData: true,
	canBeRestored: true,
	check: async (raw, manifest, context) => ({ counts: await check(raw, manifest, context), testRestore }),
};

/** The database is written into a private folder for as long as SQLite looks at it. */
async function check(raw: AsyncIterable<Uint8Array>, manifest: Manifest, context: CheckContext): Promise<Counts> {
	const { signal, found } = context;
	if (!manifest.encryption) {
		found({
			severity: 'error',
			message: 'It is not encrypted: whoever has it has the encryption key of the instance.',
		});
	}
	const looked = async (folder: string) => {
		const file = path.join(folder, 'database.sqlite');
		const members = await walkMembers(new ByteCursor(raw), {
			take: async (bytes) => {
				const output = createWriteStream(file, { flags: 'wx', mode: 0o600 });
				await pipeline(bytes, output, signal ? { signal } : {}).catch((error: unknown) => {
					throw unwritten(error);
				});
			},
		});
		const content = await contentIn(members, manifest);
		const { source, probe } = content.document;
		const hasDatabase = members.has('database');
		if (hasDatabase !== (source.database.type === 'sqlite')) {
			found({
				severity: 'error',
				message: hasDatabase ? 'It holds a database that it does not name.' : 'It holds no database.',
			});
		} else if (hasDatabase) {
			for (const message of await problemsOf(file, content, manifest, signal)) found({ severity: 'error', message });
		} else if (!probe || tryKey(content.config.encryptionKey, probe) === 'wrong') {
			found({
				severity: 'error',
				message: 'The encryption key opens none of the credentials that were stored beside it.',
			});
		}
		return { ...manifest.counts };
	};
	try {
		return await withScratchFolder(tmpdir(), looked, (message) => found({ severity: 'warning', message }));
	} catch (error) {
		if (!(error instanceof BackupError) || error.code !== 'ARCHIVE_CORRUPT') throw error;
		found({ severity: 'error', message: error.message });
		return {};
	}
}

/** What the file system said of the folder for temporary files is none of the backup's faults; what the reader throws is passed on. */
function unwritten(error: unknown): unknown {
	if (error instanceof BackupError || !isErrno(error)) return error;
	return new BackupError('TARGET_FAILED', `The database could not be looked at in ${tmpdir()}: ${messageOf(error)}.`, {
		cause: error,
		hint: 'It is written into the folder for temporary files (TMPDIR) for as long as it is checked: make room there, or name another one.',
	});
}

/** Prepares a folder as a restore does, which proves what stands in it. */
async function testRestore(reader: ArchiveReader, scratch: InstanceScratch, context: CheckContext): Promise<Counts> {
	const { signal, found, log } = context;
	const restored = async (folder: string) => {
		const begun = performance.now();
		const content = await readInstance(reader, signal);
		await prepareFolder({ reader, content, folder, signal, log });
		context.restoreTook?.(Math.round(performance.now() - begun));
		return { ...reader.manifest.counts };
	};
	return await withScratchFolder(scratch.folder, restored, (message) => found({ severity: 'warning', message }));
}

import { Readable } from 'node:stream';

import type { DecryptionKeys } from '../../archive';
import { openForeignDatabases, type RestoreSource } from '../../postgres';
import { type RestoreTest, testRestoreOf } from '../../postgres/verify/testRestore';
import { testRestoreSnapshot } from '../../qdrant/verify/testRestore';
import type { Storage } from '../../storage';
import type { CheckContext, ScratchTargets } from '../types';
import { unwrap } from './unwrap';

/** The system that a file can be restored into; undefined for JSON and archives of files. */
export type ForeignSystem = 'postgres' | 'qdrant' | undefined;

/** A file that was verified by its content. */
export interface VerifiedFile {
	storage: Storage;
	key: string;
	keys?: DecryptionKeys;
	/** Bytes of what is restored, unpacked. */
	rawBytes: number;
	/** Of the server that a dump is of: `server_version_num`; undefined where nobody knows. */
	version: number | undefined;
}

/**
 * Restores a file that somebody else made for a test, and removes it again. Answers counts.
 * @throws BackupError as the restores of each system, and those of the storage
 */
export async function testRestoreFile(
	system: ForeignSystem,
	{ storage, key, keys, rawBytes, version }: VerifiedFile,
	targets: ScratchTargets,
	context: CheckContext,
): Promise<Record<string, number>> {
	const { signal } = context;
	const name = key.slice(key.lastIndexOf('/') + 1);
	const open = async (later = signal) =>
		(await storage.read(key, later ? { signal: later } : {})) as AsyncIterable<Uint8Array>;
	if (system === 'postgres') {
		const sources = await openForeignDatabases({ name, open, ...(keys && { keys }) }, signal);
		return await testRestoreAll(
			sources,
			{ rawBytes, session: {}, ...(version !== undefined && { version }) },
			targets,
			context,
		);
	}
	if (system === 'qdrant') {
		const unpacked = async () =>
			Readable.from((await unwrap(await open(), keys, signal)).stream, { objectMode: false });
		return await testRestoreSnapshot({ description: name, open: unpacked }, targets, context);
	}
	context.found({
		severity: 'obstacle',
		message: 'Only SQL dumps and snapshots of collections can be restored for a test.',
		hint: 'Verify the content.',
	});
	return {};
}

/** One database of a dump after the other; what is counted and how long it took are sums. */
async function testRestoreAll(
	sources: RestoreSource[],
	dump: Omit<RestoreTest, 'source'>,
	targets: ScratchTargets,
	context: CheckContext,
): Promise<Record<string, number>> {
	if (sources.length === 0) {
		context.found({
			severity: 'obstacle',
			message: 'The dump holds no database with anything in it, so there is nothing to restore for a test.',
			hint: 'Verify the content: roles and other globals are read by that.',
		});
	}
	const counts: Record<string, number> = {};
	let took = 0;
	const restoreTook = (milliseconds: number) => context.restoreTook?.((took += milliseconds));
	for (const source of sources) {
		const found = await testRestoreOf({ ...dump, source }, targets, { ...context, restoreTook });
		for (const [what, count] of Object.entries(found)) counts[what] = (counts[what] ?? 0) + count;
	}
	return sources.length > 1 ? { databases: sources.length, ...counts } : counts;
}

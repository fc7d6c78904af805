import type { ArchiveReader } from '../../archive';
import { throwIfCancelled } from '../../errors';
import type { Counts } from '../../verify/system';
import type { CheckContext } from '../../verify/types';
import { withClient } from '../connection';
import type { ApplyGlobalsReport } from '../globals';
import { applyArchivedGlobals } from '../restoreGlobals';
import { abortOnSignal } from './abortOnSignal';
import { InProcessServer } from './inProcess/pglite';
import { connectionTo } from './inProcess/restore';
import type { PostgresScratch } from './scratch';

/** Matches objects that fail because a server in memory has no directories for tablespaces. */
const TABLESPACE = /\btablespace "/;

/**
 * Restores the roles of a server for a test, always in memory, because roles belong to a whole server and none may be created
 * on one of the user's. Tablespaces are directories of the source's machine and are not tried. The script streams from the archive
 * into the server, statement by statement. Answers `{ roles }`.
 * @throws BackupError those of the archive, TARGET_FAILED, TARGET_UNREACHABLE, CANCELLED
 */
export async function testRestoreGlobals(
	reader: ArchiveReader,
	_scratch: PostgresScratch,
	context: CheckContext,
): Promise<Counts> {
	const { signal, found, restoreTook } = context;
	const begun = performance.now();
	const rawBytes = reader.manifest.size.raw;
	const server = await InProcessServer.start({ extensions: [], rawBytes, ...(signal && { signal }) });
	const stop = () => void server.stop();
	signal?.addEventListener('abort', stop, { once: true });
	try {
		const options = { ...(signal && { signal }) };
		const report = await withClient(connectionTo(server), 'target', options, (client) =>
			abortOnSignal(client, signal, () => applyArchivedGlobals(client, reader, { existing: 'update', ...options })),
		);
		restoreTook?.(Math.round(performance.now() - begun));
		judge(report, found);
		return { roles: rolesIn(report) };
	} catch (error) {
		throwIfCancelled(signal);
		throw error;
	} finally {
		signal?.removeEventListener('abort', stop);
		await server.stop();
	}
}

/**
 * A role that cannot be created here cannot be created by any restore, so that is an error. A setting or a privilege may be unknown
 * to this version only, so that is a warning.
 */
function judge({ failed, warnings }: ApplyGlobalsReport, found: CheckContext['found']): void {
	for (const { object, message } of failed) {
		const severity = object.startsWith('role ') ? 'error' : 'warning';
		if (!TABLESPACE.test(object)) found({ severity, part: object, message: `It could not be restored: ${message}` });
	}
	if (failed.some(({ object }) => TABLESPACE.test(object)))
		found({
			severity: 'warning',
			message: 'Tablespaces were not tried: they are directories of the server’s machine.',
		});
	for (const message of warnings) found({ severity: 'warning', message });
}

/** How many roles were restored. The role of the connection existed before, and counts as well. */
function rolesIn({ created, updated, skipped }: ApplyGlobalsReport): number {
	return new Set([...created, ...updated, ...skipped].filter((object) => object.startsWith('role '))).size;
}

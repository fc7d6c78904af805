import type { Wrapper } from '../../archive';
import { type DumpFormat, type DumpObject, listObjects, openArchive } from '../foreign';

import { listPlainDump } from './listPlainDump';
import { detectForeign, type ForeignDump } from './openDump';

export { importGlobals, importServer, type ImportServerOptions, type ImportServerReport } from './dumpedServer';
export { openForeignDatabases, openForeignDump, type ForeignDump } from './openDump';

export interface ForeignListing {
	format: DumpFormat;
	/** Compression and encryption around it, outermost first. */
	wrappers: Wrapper[];
	objects: DumpObject[];
}

/** Lists what a dump holds, without restoring it. Reads a plain script to its end. */
export async function listForeignDump(dump: ForeignDump, signal?: AbortSignal): Promise<ForeignListing> {
	const { format, wrappers, stream } = await detectForeign(dump, signal);
	if (format === 'plain') return { format, wrappers, objects: await listPlainDump(stream, { signal }) };
	const archive = await openArchive(stream, { signal });
	await archive.close();
	return { format, wrappers, objects: listObjects(archive.toc) };
}

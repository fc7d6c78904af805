import type { ArchiveWriter } from '../../archive';

import { translateError } from '../connection';

import type { FrameBuffers } from './frameBuffers';
import { RowFrames } from './rowFrames';
import type { SnapshotSession } from './snapshotSession';

/** Bytes of a large object in one statement: 128 KiB, a whole number of its pages of 2 kB. */
const PIECE = 131_072;

/** Large objects asked for by one query. */
export const BATCH = 1000;

/** INV_READ of libpq-fs.h, and SEEK_END. */
const READ = 262_144;
const SEEK_END = 2;

/** One row a piece: the statement that puts it back, free of backslashes, for COPY would double them. */
export const contentQuery = (ids: number[]): string => `
	SELECT pg_catalog.format('SELECT pg_catalog.lo_put(%s, %s, pg_catalog.decode(''%s'', ''hex''));', o.id, piece.start,
		pg_catalog.encode(pg_catalog.lo_get(o.id, piece.start, ${PIECE}), 'hex'))
	FROM pg_catalog.unnest('{${ids.join(',')}}'::pg_catalog.oid[]) AS o (id)
	CROSS JOIN LATERAL (SELECT pg_catalog.lo_lseek64(pg_catalog.lo_open(o.id, ${READ}), 0, ${SEEK_END}) AS size OFFSET 0) AS s
	CROSS JOIN LATERAL pg_catalog.generate_series(0, s.size - 1, ${PIECE}) AS piece (start)`;

/**
 * Stores the contents of large objects as frames of `SELECT lo_put(...)` statements, one a line. pg_dump's script has
 * created the objects by then; in it their contents would have to go through WebAssembly's memory as a whole.
 */
export async function storeLargeObjects(
	session: SnapshotSession,
	ids: number[],
	writer: ArchiveWriter,
	buffers: FrameBuffers,
): Promise<void> {
	const frames = new RowFrames(writer, { type: 'large-objects', header: '', trailer: '\n' }, buffers);
	for (let from = 0; from < ids.length; from += BATCH) {
		const query = contentQuery(ids.slice(from, from + BATCH));
		await session.copyOut([Buffer.from(`COPY (${query}) TO STDOUT`)], frames).catch((error: unknown) => {
			throw translateError(error, 'source', 'Could not read table pg_largeobject');
		});
	}
	await frames.finish();
}

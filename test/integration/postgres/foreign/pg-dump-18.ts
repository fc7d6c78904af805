import type { PGlite } from '@electric-sql/pglite';
import { pgDump } from '@electric-sql/pglite-tools/pg_dump';

/**
 * Runs the genuine pg_dump 18 (in WebAssembly) in its custom format. `pgDump` hands its output on as text, which an
 * archive is not; so the bytes are caught where they are copied out of WebAssembly's memory file system.
 */
export async function archiveByPgDump18(pg: PGlite, args: string[]): Promise<Buffer> {
	const set = Uint8Array.prototype.set;
	let archive = Buffer.alloc(0);
	Uint8Array.prototype.set = function (this: Uint8Array, source: ArrayLike<number>, offset?: number) {
		if (source instanceof Uint8Array && source.length > archive.length && isArchive(source))
			archive = Buffer.from(source);
		set.call(this, source, offset);
	};
	try {
		await pgDump({ pg, args: ['-Fc', ...args] });
	} finally {
		Uint8Array.prototype.set = set;
	}
	return archive;
}

function isArchive(bytes: Uint8Array): boolean {
	return bytes[0] === 0x50 && bytes[1] === 0x47 && bytes[2] === 0x44 && bytes[3] === 0x4d && bytes[4] === 0x50;
}

/**
 * The `backup_manifest` of a data directory that was put together: that of the newest backup, whose increments of files have become the
 * files. So pg_verifybackup can compare the directory with it, as after pg_combinebackup.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

import type { ArchiveReader } from '../../../archive';
import { throwIfCancelled } from '../../../errors';
import { bytesOf } from '../../../tree';
import { fileOf, linesOf } from '../backupManifest';
import { manifestBytes } from './baseArchive';
import type { DraftFolder } from './draftFolder';
import { wholeName } from './incrementalFile';

const CHUNK_BYTES = 1024 * 1024;

/**
 * @param changed files that were written anew, with content of their own
 * @param leftOut files that are not there
 */
export async function* combinedManifest(
	newest: ArchiveReader,
	draft: DraftFolder,
	{ changed, leftOut }: { changed: ReadonlySet<string>; leftOut: ReadonlySet<string> },
	signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
	const digest = createHash('sha256');
	for await (const line of linesOf(manifestBytes(newest, signal))) {
		throwIfCancelled(signal);
		const text = line.toString('utf8');
		if (text.startsWith('"Manifest-Checksum"')) break;
		let written: Uint8Array = line;
		if (/^\{ "(?:Encoded-)?Path"/.test(text)) {
			const { path } = fileOf(text);
			if (leftOut.has(path)) continue;
			const name = wholeName(path);
			// The last of them, pg_control, is never left out: so the commas stay right.
			if (name !== path || changed.has(name)) {
				written = Buffer.from((await describe(name, draft)) + (text.endsWith(',') ? ',' : ''));
			}
		}
		const whole = Buffer.concat([written, Buffer.from('\n')]);
		digest.update(whole);
		yield whole;
	}
	yield Buffer.from(`"Manifest-Checksum": "${digest.digest('hex')}"}\n`);
}

/** A line as PostgreSQL writes it, of a file as it is. */
async function describe(name: string, draft: DraftFolder): Promise<string> {
	const handle = await open(draft.at(name), constants.O_RDONLY | constants.O_NOFOLLOW);
	try {
		const { size, mtime } = await handle.stat();
		const digest = createHash('sha256');
		const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
		for (let read = await handle.read(buffer); read.bytesRead > 0; read = await handle.read(buffer)) {
			digest.update(buffer.subarray(0, read.bytesRead));
		}
		const bytes = bytesOf(name);
		const isText = bytes.toString('utf8') === name;
		const path = isText ? `"Path": ${JSON.stringify(name)}` : `"Encoded-Path": "${bytes.toString('hex')}"`;
		const modified = `${mtime.toISOString().slice(0, 19).replace('T', ' ')} GMT`;
		return `{ ${path}, "Size": ${size}, "Last-Modified": "${modified}", "Checksum-Algorithm": "SHA256", "Checksum": "${digest.digest('hex')}" }`;
	} finally {
		await handle.close();
	}
}

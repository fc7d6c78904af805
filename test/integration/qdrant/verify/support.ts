import { createHash } from 'node:crypto';

import { type ArchiveReader, createArchive, type Manifest, openArchive } from '../../../../engine/archive';
import { checkCollection, checkStorage } from '../../../../engine/qdrant/verify/content';
import type { CheckContext, Finding } from '../../../../engine/verify/types';
import type { QdrantServer } from '../../../services/qdrant';
import { ask, at } from '../../../services/qdrant-data';
import { temporaryStorage, type Backup } from '../support';

export interface Checked {
	counts: Record<string, number>;
	errors: string[];
	warnings: string[];
	inconclusive: string[];
}

/** A context that gathers what is found, as `part: message`. */
export function gathering(more: Partial<CheckContext> = {}): { context: CheckContext; result: Checked } {
	const result: Checked = { counts: {}, errors: [], warnings: [], inconclusive: [] };
	const lists: Record<Finding['severity'], string[]> = {
		error: result.errors,
		warning: result.warnings,
		inconclusive: result.inconclusive,
	};
	const found: CheckContext['found'] = ({ severity, part, message }) =>
		void lists[severity].push(part === undefined ? message : `${part}: ${message}`);
	return { context: { log: () => {}, found, ...more }, result };
}

/** Checks the content of an archive, or other bytes in its place. */
export async function contentOf(reader: ArchiveReader, instead?: Uint8Array): Promise<Checked> {
	return await contentAs(reader.manifest, instead ? inChunks(instead) : reader.raw());
}

export async function contentAs(manifest: Manifest, raw: AsyncIterable<Uint8Array>): Promise<Checked> {
	const { context, result } = gathering();
	const check = manifest.kind === 'qdrant-storage' ? checkStorage : checkCollection;
	result.counts = await check(raw, manifest, context);
	return result;
}

/** A source that hands out pieces whose lengths fit no border of what they hold. */
export async function* inChunks(bytes: Uint8Array, length = 65_521): AsyncGenerator<Uint8Array> {
	for (let offset = 0; offset < bytes.length; offset += length) yield bytes.subarray(offset, offset + length);
}

export async function rawOf(reader: ArchiveReader): Promise<Buffer> {
	const chunks: Buffer[] = [];
	for await (const chunk of reader.raw()) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks);
}

/** A collection's snapshot as the server makes it. */
export async function snapshotOf(server: QdrantServer, collection: string): Promise<Buffer> {
	const path = at(collection, '/snapshots');
	const { name } = await ask<{ name: string }>(server, 'POST', `${path}?wait=true`);
	const headers = server.apiKey === undefined ? {} : { 'api-key': server.apiKey };
	const response = await fetch(`${server.url}${path}/${name}`, { headers });
	const bytes = Buffer.from(await response.arrayBuffer());
	await ask(server, 'DELETE', `${path}/${name}?wait=true`);
	return bytes;
}

/** A backup that tells what another one's manifest tells, but holds this snapshot, with all hashes right. */
export async function storedAs({ name, source, counts }: Manifest, snapshot: Buffer): Promise<Backup> {
	const { storage, root } = temporaryStorage();
	const codec = { name: 'zstd' as const };
	const startedAt = new Date();
	const place = { storage, folder: 'qdrant', name, extension: 'snapshot', kind: 'qdrant' as const, startedAt, codec };
	const writer = await createArchive(place);
	await writer.frame({ type: 'snapshot' }, snapshot);
	const sha256 = createHash('sha256').update(snapshot).digest('hex');
	const facts = { name: 'made.snapshot', size: snapshot.length, sha256 };
	const manifest = await writer.commit({ source: { ...source, snapshot: facts }, counts, warnings: [] });
	return { manifest, storage, root, open: () => openArchive(storage, { manifest, folder: 'qdrant' }) };
}

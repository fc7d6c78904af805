import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';

import { onTestFinished } from 'vitest';

import { CLAIM_SUFFIX, createArchive, type CreateArchiveOptions } from '../../../engine/archive';
import { FolderStorage } from '../../../engine/storage/folder';
import type { Storage } from '../../../engine/storage/storage';
import { noise } from '../../random/bytes';
import { removeFolder, temporaryFolder } from '../../services/guard';

const random = noise('archive/support');

export const DETAILS = { source: { system: 'test', version: '1' }, counts: { rows: 3 } };

/** A folder storage in a temporary directory that ends with the test, and a look at all that lies in it. */
export function temporaryStorage() {
	const root = temporaryFolder('archive');
	onTestFinished(() => removeFolder(root));
	const files = () =>
		readdirSync(root, { recursive: true, withFileTypes: true })
			.filter((entry) => !entry.isDirectory())
			.map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
			.sort();
	return { root, files, storage: new FolderStorage({ root }) };
}

export function archiveOptions(storage: FolderStorage, options: Partial<CreateArchiveOptions> = {}) {
	return {
		storage,
		folder: 'postgres',
		name: 'shop',
		extension: 'sql',
		kind: 'postgres' as const,
		codec: { name: 'zstd' as const },
		...options,
	};
}

/** An archive of three frames: two small ones around a stream in chunks. Resolves with what it holds. */
export async function writeSample(storage: FolderStorage, options: Partial<CreateArchiveOptions> = {}) {
	const pieces = [Buffer.from('before\n'.repeat(10)), random(3000), Buffer.from('after\n'.repeat(20))];
	const writer = await createArchive(archiveOptions(storage, options));
	await writer.frame({ type: 'pre-data' }, pieces[0]!);
	await writer.drain();
	await writer.stream({ type: 'data', table: 0, rows: 3 }, inChunks(pieces[1]!, 700));
	await writer.frame({ type: 'post-data' }, [pieces[2]!.subarray(0, 5), pieces[2]!.subarray(5)]);
	const manifest = await writer.commit({
		...DETAILS,
		tables: [{ schema: 'public', name: 't', rows: 3, bytes: 3000 }],
	});
	return { manifest, pieces, key: writer.key, raw: Buffer.concat(pieces) };
}

export async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
	for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size);
}

export async function collect(stream: AsyncIterable<Uint8Array> | Readable): Promise<Buffer> {
	const chunks: Uint8Array[] = [];
	for await (const chunk of stream) chunks.push(chunk as Uint8Array);
	return Buffer.concat(chunks);
}

/** The same storage, with some of its methods replaced; claims are written as ever unless they are meant, too. */
export function withFaults(
	storage: FolderStorage,
	{ write, ...faults }: Partial<Storage>,
	{ claimsToo = false }: { claimsToo?: boolean } = {},
): Storage {
	const methods = ['write', 'replace', 'read', 'stat', 'list', 'remove', 'setLatest', 'readLatest', 'sweep'] as const;
	const bound = Object.fromEntries(methods.map((name) => [name, storage[name].bind(storage)]));
	const faulty: Storage['write'] | undefined =
		write &&
		(async (key, ...more) => {
			return await (claimsToo || !key.endsWith(CLAIM_SUFFIX) ? write(key, ...more) : storage.write(key, ...more));
		});
	const replaced = { ...faults, ...(faulty && { write: faulty }) };
	return { ...bound, description: storage.description, ...replaced } as unknown as Storage;
}

import {
	createArchive,
	type CreateArchiveOptions,
	type Manifest,
	type ManifestPart,
	openArchive,
} from '../../../engine/archive';
import type { DecryptionKeys, EncryptionKeys } from '../../../engine/archive';
import type { Storage } from '../../../engine/storage';

/** A part with what it holds. */
export interface OpenPart {
	part: ManifestPart;
	raw: Buffer;
}

export interface Forgery {
	/** Changes the parts: their content, their order, what the manifest says of them. */
	parts?: (parts: OpenPart[]) => OpenPart[];
	/** Changes the rest of the manifest. */
	manifest?: Partial<Manifest>;
	codec?: CreateArchiveOptions['codec'];
	encryption?: EncryptionKeys;
	keys?: DecryptionKeys;
}

export async function partsOf(
	storage: Storage,
	where: { manifest: Manifest; folder: string },
	keys?: DecryptionKeys,
): Promise<OpenPart[]> {
	const reader = await openArchive(storage, where, keys);
	const parts: OpenPart[] = [];
	for await (const { part, raw } of reader.parts(() => true)) {
		const chunks: Uint8Array[] = Buffer.isBuffer(raw) ? [raw] : [];
		if (!Buffer.isBuffer(raw)) for await (const chunk of raw) chunks.push(chunk as Buffer);
		parts.push({ part, raw: Buffer.concat(chunks) });
	}
	return parts;
}

/**
 * Writes a backup anew with changed content, all hashes, sizes and offsets being those of the new one: what only a look
 * at the content can tell. Resolves with the key of the archive.
 */
export async function forge(
	storage: Storage,
	where: { manifest: Manifest; folder: string },
	{ parts: change = (parts) => parts, manifest: changes = {}, codec, encryption, keys }: Forgery,
): Promise<string> {
	const { manifest } = where;
	const writer = await createArchive({
		storage,
		folder: 'forged',
		name: manifest.name,
		extension: 'sql',
		kind: changes.kind ?? manifest.kind,
		codec: codec ?? { name: manifest.codec.name },
		...(encryption && { encryption }),
	});
	for (const { part, raw } of change(await partsOf(storage, where, keys))) {
		const { type, table, rows } = part;
		await writer.frame(
			{ type, ...(table === undefined ? {} : { table }), ...(rows === undefined ? {} : { rows }) },
			Buffer.from(raw),
		);
		await writer.drain();
	}
	const { source, tables, counts, partial, options } = { ...manifest, ...changes };
	await writer.commit({ source, counts, options, ...(tables && { tables }), ...(partial && { partial }) });
	return writer.key;
}

import type { Manifest, ManifestPart } from '../../archive';
import { ByteCursor, EndedEarly } from '../../archive/cursor';
import { BackupError } from '../../errors';

export interface PartContent {
	part: ManifestPart;
	/** The content of the part. It is to be read before the next part is asked for; what is left of it is skipped. */
	bytes: AsyncIterable<Uint8Array>;
}

/**
 * Cuts the content of an archive at the borders of its parts.
 * @throws BackupError ARCHIVE_CORRUPT where the content is shorter or longer than the parts; what the source throws
 */
export async function* partsOf(
	raw: AsyncIterable<Uint8Array>,
	{ parts, file }: Manifest,
): AsyncGenerator<PartContent, void, undefined> {
	const cursor = new ByteCursor(raw);
	let end = 0;
	try {
		for (const part of parts) {
			end += part.rawLength;
			yield { part, bytes: cursor.pass(part.rawLength) };
			await cursor.skipTo(end);
		}
		if (await cursor.atEnd()) return;
	} catch (error) {
		if (!(error instanceof EndedEarly)) throw error;
		throw new BackupError('ARCHIVE_CORRUPT', `The content of ${file} is shorter than its parts.`);
	}
	throw new BackupError('ARCHIVE_CORRUPT', `The content of ${file} is longer than its parts.`);
}

/** The content of a part as one buffer; undefined where it is larger than `maxBytes`. */
export async function joined(bytes: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer | undefined> {
	const chunks: Uint8Array[] = [];
	let length = 0;
	for await (const chunk of bytes) {
		length += chunk.length;
		if (length <= maxBytes) chunks.push(chunk);
	}
	return length <= maxBytes ? Buffer.concat(chunks) : undefined;
}

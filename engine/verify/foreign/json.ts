import { BackupError } from '../../errors';

/** Larger files are not parsed, because JSON is held in memory whole. Reports are far smaller. */
export const MAX_JSON_BYTES = 128 * 1024 * 1024;

/**
 * Parses JSON to its end, and counts the elements of its array or object; undefined for any other value.
 * @throws BackupError ARCHIVE_CORRUPT, INVALID_INPUT (too large to be parsed); what the source throws
 */
export async function elementsOfJson(source: AsyncIterable<Uint8Array>): Promise<number | undefined> {
	const chunks: Uint8Array[] = [];
	let bytes = 0;
	for await (const chunk of source) {
		bytes += chunk.length;
		if (bytes <= MAX_JSON_BYTES) chunks.push(chunk);
		else chunks.length = 0;
	}
	if (bytes > MAX_JSON_BYTES) {
		throw new BackupError('INVALID_INPUT', `JSON of more than ${MAX_JSON_BYTES / 1024 ** 2} MiB is not parsed.`);
	}
	const json = parse(Buffer.concat(chunks, bytes));
	return typeof json === 'object' && json !== null ? Object.keys(json).length : undefined;
}

function parse(content: Buffer): unknown {
	try {
		const text = new TextDecoder('utf-8', { fatal: true }).decode(content);
		return JSON.parse(text);
	} catch {
		// The parser's own message quotes the content.
		throw new BackupError('ARCHIVE_CORRUPT', 'The file is not valid JSON to its end.', {
			hint: 'It was cut off or damaged. Fetch it again, or choose another one.',
		});
	}
}

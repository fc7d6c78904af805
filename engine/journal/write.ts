import { Readable } from 'node:stream';

import type { Storage } from '../storage/storage';
import { formatEvent, newEventKey, parseEvent, parseEventKey, type EventContent } from './event';
import { logLine } from './line';
import { LOG_KEY, ROTATION } from './log';

/**
 * Notes an event in a storage, as an object of its own; in a folder it is in `backup.log` at once as well.
 * @throws BackupError as Storage.write does; what the log alone throws comes after the event was noted
 */
export async function noteEvent(storage: Storage, event: EventContent, signal?: AbortSignal): Promise<void> {
	const key = newEventKey(event);
	const text = formatEvent(event);
	const content = Buffer.from(text);
	const options = { expectedSize: content.length, ...(signal && { signal }) };
	await storage.write(key, Readable.from([content], { objectMode: false }), options);
	const noted = parseEvent(text, parseEventKey(key)!);
	if (noted) await storage.appendLine?.(LOG_KEY, logLine(noted), ROTATION);
}

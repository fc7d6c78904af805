import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';

import { BackupError } from '../errors';
import type { Storage } from './storage';

/**
 * Tries everything that a backup needs of a storage on a small object: writes it, reads it back, compares, deletes it.
 * @throws BackupError of the step that failed; STORAGE_FAILED where other bytes came back than were written
 */
export async function probeStorage(storage: Storage, signal?: AbortSignal): Promise<void> {
	const id = randomUUID();
	const key = `probe-${id}.txt`;
	const content = Buffer.from(`Written to test this storage; may be deleted. ${id}\n`);
	await storage.write(key, chunksOf(content), { signal, expectedSize: content.length });
	try {
		const stored = await buffer(await storage.read(key, { signal }));
		if (!stored.equals(content)) throw differs(storage);
	} catch (error) {
		await storage.remove(key).catch(() => {});
		throw error;
	}
	await storage.remove(key);
}

// eslint-disable-next-line @typescript-eslint/require-await -- a source is an async iterable
async function* chunksOf(content: Buffer): AsyncGenerator<Buffer, void, undefined> {
	yield content;
}

function differs(storage: Storage): BackupError {
	return new BackupError('STORAGE_FAILED', `What was read back from ${storage.description} is not what was written.`, {
		hint: 'Something between n8n and the disk changes data: check proxies, gateways and the disk.',
	});
}

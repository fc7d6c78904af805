/**
 * One mirror at a time into a target: of two, each would take for extra what the other copies, and replace the other's record. The lock
 * is that of the storages of backups; who holds it stands beside what the mirrors remember.
 */
import { Readable } from 'node:stream';

import { acquireLockInTime, type LockStorage, type LockWait } from '../../archive';
import { BackupError } from '../../errors';
import type { Place } from './place';
import { STATE_FOLDER } from './reserved';

/** A target that this run alone works on. */
export interface Held {
	/** Name of the file in the target that says who holds it; nobody else has ever stored the same. */
	readonly key: string;
	/** To be called before each step that only one run may take. @throws BackupError STORAGE_LOCKED where another one has taken over */
	confirm(): Promise<void>;
	/** What the clock of the target said a while ago, in this run. Where its list does not tell, a time at which nothing there was old. */
	writtenAt(): Promise<Date>;
}

/**
 * Holds a target while the action runs. The action's signal fires also when another run has taken over.
 * @param options owner: for the message that others get; wait: how long for one that holds it
 * @throws BackupError STORAGE_LOCKED, which says who holds it, and what the action throws
 */
export async function whileLocked<T>(
	target: Place,
	{ owner, wait, signal }: { owner: string; wait: LockWait; signal: AbortSignal | undefined },
	action: (held: Held, signal: AbortSignal) => Promise<T>,
): Promise<T> {
	const options = { owner, folder: STATE_FOLDER, ...(signal && { signal }) };
	const lock = await acquireLockInTime(lockStorageOf(target), options, wait);
	try {
		const held: Held = {
			key: lock.key,
			confirm: async () => await lock.confirm(),
			writtenAt: async () => {
				for await (const { name, modifiedAt } of target.own.list(lock.key, signal ?? new AbortController().signal)) {
					if (name === lock.key) return modifiedAt;
				}
				return new Date(0);
			},
		};
		return await lock.during(async (whileHeld) => await action(held, whileHeld), signal);
	} finally {
		// What cannot be released expires.
		await lock.release().catch(() => {});
	}
}

function lockStorageOf(target: Place): LockStorage {
	const { own } = target;
	// A run that is cancelled gives the lock back all the same.
	const { signal } = new AbortController();
	return {
		description: target.description,
		async *list(beginning) {
			for await (const { name, modifiedAt } of own.list(beginning, signal)) yield { key: name, size: 0, modifiedAt };
		},
		async stat(key) {
			const found = await target.ask(key, signal);
			return found && { key, size: found.size, modifiedAt: new Date(Number(found.modified / 1_000_000n)) };
		},
		async read(key) {
			const content = await own.read(key, signal);
			if (!content) throw new BackupError('STORAGE_MISSING', `There is no ${key} in the ${target.description}.`);
			return Readable.from([content]);
		},
		async write(key, source) {
			const content = await gathered(source);
			const isNew = await own.create(key, content, signal);
			if (!isNew) throw new BackupError('STORAGE_EXISTS', `There is a ${key} in the ${target.description} already.`);
			return { key, size: content.length, modifiedAt: new Date() };
		},
		async replace(key, content) {
			await own.write(key, Buffer.from(content), signal);
		},
		async remove(key) {
			await target.remove(key, signal).catch((error: unknown) => {
				// Those of earlier runs do no harm where keys may not remove anything.
				if (!(error instanceof BackupError) || error.code !== 'ACCESS_DENIED') throw error;
			});
		},
	};
}

async function gathered(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
	const pieces: Uint8Array[] = [];
	for await (const piece of source) pieces.push(piece);
	return Buffer.concat(pieces);
}

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

import { z } from 'zod';

import { keyIn } from '../archive';
import { BackupError } from '../errors';
import type { Storage } from '../storage';
import type { SnapshotScope } from './client';

const FOLDER = 'server-snapshots';
/** An entry of another machine, whose processes nobody here can see, counts as abandoned after this long. */
const ABANDONED_AFTER_MS = 12 * 60 * 60 * 1000;

const entrySchema = z.object({
	server: z.string(),
	peerId: z.string(),
	collection: z.string().optional(),
	shard: z.number().int().optional(),
	/** On the server's clock. */
	askedAt: z.string().datetime(),
	/** Snapshots that were there before. */
	present: z.array(z.string()),
	/** Missing while the server is still making it. */
	name: z.string().optional(),
	host: z.string(),
	pid: z.number().int(),
	enteredAt: z.string().datetime(),
});

export interface LedgerEntry {
	key: string;
	server: string;
	peerId: string;
	scope: SnapshotScope;
	askedAt: Date;
	present: string[];
	name?: string;
}

type NewEntry = Omit<LedgerEntry, 'key' | 'name'>;

/** Entries that this process is at work on; their keys are random, so they need no storage beside them. */
const held = new Set<string>();

/**
 * What snapshots we have asked servers for and not removed yet, one small object each in the backup storage. The server
 * gives snapshots their names and has no place for a mark, so this is how a later run knows its own leftovers from the
 * snapshots that somebody else made and wants to keep.
 */
export class SnapshotLedger {
	readonly #entries = new Map<string, z.infer<typeof entrySchema>>();

	/** @param folder The folder of the backups; entries lie in a folder of their own below it. */
	constructor(
		private readonly storage: Storage,
		private readonly folder: string,
	) {}

	/** Returns the entry's key. */
	async enter({ server, peerId, scope, askedAt, present }: NewEntry): Promise<string> {
		const key = keyIn(this.folder, `${FOLDER}/${randomUUID()}.json`);
		held.add(key);
		try {
			await this.#store(key, {
				server,
				peerId,
				...scope,
				askedAt: askedAt.toISOString(),
				present,
				host: hostname(),
				pid: process.pid,
				enteredAt: new Date().toISOString(),
			});
		} catch (error) {
			held.delete(key);
			throw error;
		}
		return key;
	}

	/** Adds the name that the server gave. */
	async name(key: string, name: string): Promise<void> {
		const entry = this.#entries.get(key);
		if (entry) await this.#store(key, { ...entry, name });
	}

	/** The snapshot is gone, or never came to be. */
	async strike(key: string): Promise<void> {
		held.delete(key);
		this.#entries.delete(key);
		await this.storage.remove(key);
	}

	/** This process gives up on it: the next run may have it. */
	release(key: string): void {
		held.delete(key);
	}

	/** Entries that nobody is at work on any more. Damaged ones are dropped. */
	async abandoned(): Promise<LedgerEntry[]> {
		const found: LedgerEntry[] = [];
		for await (const { key } of this.storage.list(keyIn(this.folder, `${FOLDER}/`))) {
			if (held.has(key) || !key.endsWith('.json')) continue;
			const entry = await this.#read(key);
			if (!entry || isAlive(entry)) continue;
			const { server, peerId, collection, shard, askedAt, present, name } = entry;
			found.push({
				key,
				server,
				peerId,
				scope: { ...(collection !== undefined && { collection }), ...(shard !== undefined && { shard }) },
				askedAt: new Date(askedAt),
				present,
				...(name !== undefined && { name }),
			});
		}
		return found;
	}

	async #read(key: string): Promise<z.infer<typeof entrySchema> | undefined> {
		try {
			const chunks: Buffer[] = [];
			for await (const chunk of await this.storage.read(key)) chunks.push(chunk as Buffer);
			return entrySchema.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
		} catch (error) {
			if (error instanceof BackupError && error.code !== 'STORAGE_MISSING') throw error;
			return undefined;
		}
	}

	async #store(key: string, entry: z.infer<typeof entrySchema>): Promise<void> {
		await this.storage.replace(key, Buffer.from(`${JSON.stringify(entry, null, 2)}\n`));
		this.#entries.set(key, entry);
	}
}

/** Whether the process that made an entry may still be at work on it. */
function isAlive({ host, pid, enteredAt }: z.infer<typeof entrySchema>): boolean {
	if (host !== hostname()) return Date.now() - new Date(enteredAt).getTime() < ABANDONED_AFTER_MS;
	// Our own entries are in `held`: one with our number is of an earlier process (in a container always the same number).
	if (pid === process.pid) return false;
	try {
		process.kill(pid, 0);
		return Date.now() - new Date(enteredAt).getTime() < ABANDONED_AFTER_MS;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === 'EPERM';
	}
}

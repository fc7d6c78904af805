import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

import { z } from 'zod';

import { keyIn, LIMITS, readSmallObject, TooLarge } from '../../archive';
import type { Storage } from '../../storage';
import type { SnapshotScope } from '../client/scope';
import type { OwnSnapshot } from './ownSnapshot';
import { isUploadName } from './uploads';

const FOLDER = 'server-snapshots';
/** An entry of another machine, whose processes nobody here can see, counts as abandoned after this long. */
const ABANDONED_AFTER_MS = 12 * 60 * 60 * 1000;

/** Part of a path, where these would lead elsewhere; what lies in a storage may have been put there by anybody. */
const pathPart = z.string().refine((name) => name !== '.' && name !== '..');

const entrySchema = z.object({
	server: z.string(),
	peerId: z.string(),
	collection: pathPart.optional(),
	shard: z.number().int().optional(),
	/** On the server's clock. */
	askedAt: z.string().datetime(),
	/** Snapshots that were there before. */
	present: z.array(z.string()),
	/** Missing while the server is still making it. */
	name: pathPart.optional(),
	/** SHA-256 in hex, as the server reported it with the name. */
	checksum: z.string().optional(),
	/** A file that a restore uploads under that name. */
	isUpload: z.boolean().optional(),
	/** The server's answer was lost, so the request may never have arrived. */
	isDoubtful: z.boolean().optional(),
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
	/** As the server described it; missing where its answer never came. For an upload, its name alone. */
	snapshot?: OwnSnapshot;
	isUpload?: boolean;
	isDoubtful?: boolean;
}

/** What is about to be asked for: a snapshot, or, with its name, the upload of a file. */
type NewEntry = Omit<LedgerEntry, 'key' | 'snapshot' | 'isUpload' | 'isDoubtful'> & { upload?: string };

/** What is in the ledger. */
export interface LedgerContent {
	/** Entries that nobody is at work on any more. */
	abandoned: LedgerEntry[];
	/** Names of all snapshots in it: they are ours, whoever is at work on them. */
	names: Set<string>;
	/** Entries that could not be read, under the keys that they have been moved to. */
	damaged: string[];
}

/** Entries that this process is at work on; their keys are random, so they are unique in all storages. */
const held = new Set<string>();

/**
 * What snapshots we have asked servers for and not removed yet, one small object each in the backup storage. The server
 * gives snapshots their names and has no place for a mark, so this is how a later run distinguishes its own stale snapshots from the
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
	async enter({ server, peerId, scope, askedAt, present, upload }: NewEntry): Promise<string> {
		const key = keyIn(this.folder, `${FOLDER}/${randomUUID()}.json`);
		held.add(key);
		try {
			await this.#store(key, {
				server,
				peerId,
				...scope,
				askedAt: askedAt.toISOString(),
				present,
				...(upload !== undefined && { name: upload, isUpload: true }),
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
	async name(key: string, { name, checksum }: OwnSnapshot): Promise<void> {
		const entry = this.#entries.get(key);
		if (entry) await this.#store(key, { ...entry, name, ...(checksum && { checksum }) });
	}

	/** Call where the answer was lost: the next run takes the entry over, but has to doubt whether there is a snapshot. */
	async doubt(key: string): Promise<void> {
		const entry = this.#entries.get(key);
		if (entry) await this.#store(key, { ...entry, isDoubtful: true });
		this.release(key);
	}

	/** Removes an entry whose snapshot is gone, or was never made. */
	async remove(key: string): Promise<void> {
		held.delete(key);
		this.#entries.delete(key);
		await this.storage.remove(key);
	}

	/** Call where this process gives up: the next run takes the entry over. */
	release(key: string): void {
		held.delete(key);
	}

	/** Reads all of it, and moves out of the way what cannot be read, so that it is reported once. */
	async read(): Promise<LedgerContent> {
		const content: LedgerContent = { abandoned: [], names: new Set(), damaged: [] };
		for await (const { key } of this.storage.list(keyIn(this.folder, `${FOLDER}/`))) {
			if (!key.endsWith('.json')) continue;
			const text = await this.#text(key);
			// Removed since it was listed.
			if (text === undefined) continue;
			const entry = parsed(text);
			if (!entry) content.damaged.push(await this.#moveAway(key, text));
			else if (entry.name !== undefined) content.names.add(entry.name);
			if (entry && !held.has(key) && !isAlive(entry)) content.abandoned.push(ledgerEntry(key, entry));
		}
		return content;
	}

	async #text(key: string): Promise<Buffer | undefined> {
		try {
			return await readSmallObject(this.storage, key, LIMITS.lock);
		} catch (error) {
			// No entry of ours; what is moved away in its place is empty.
			if (error instanceof TooLarge) return Buffer.alloc(0);
			throw error;
		}
	}

	async #moveAway(key: string, content: Buffer): Promise<string> {
		const moved = `${key}.damaged`;
		await this.storage.replace(moved, content, { isPassing: true });
		await this.storage.remove(key);
		return moved;
	}

	async #store(key: string, entry: z.infer<typeof entrySchema>): Promise<void> {
		await this.storage.replace(key, Buffer.from(`${JSON.stringify(entry, null, 2)}\n`), { isPassing: true });
		this.#entries.set(key, entry);
	}
}

function parsed(text: Buffer): z.infer<typeof entrySchema> | undefined {
	try {
		const entry = entrySchema.parse(JSON.parse(text.toString('utf8')));
		return entry.isUpload && !isUploadName(entry.name ?? '') ? undefined : entry;
	} catch {
		return undefined;
	}
}

function ledgerEntry(key: string, entry: z.infer<typeof entrySchema>): LedgerEntry {
	const { server, peerId, collection, shard, askedAt, present, name, checksum, isUpload, isDoubtful } = entry;
	return {
		key,
		server,
		peerId,
		scope: { ...(collection !== undefined && { collection }), ...(shard !== undefined && { shard }) },
		askedAt: new Date(askedAt),
		present,
		...(isUpload && { isUpload }),
		...(isDoubtful && { isDoubtful }),
		...(name !== undefined && { snapshot: { name, ...(checksum !== undefined && { checksum }) } }),
	};
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

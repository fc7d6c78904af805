/** The records of a lock's holders: an object for each generation, `lock-000000000042.json`. */
import { Readable } from 'node:stream';

import { z } from 'zod';

import type { Storage } from '../../storage/storage';
import { LIMITS } from '../small-object';
import { parseJson, readSmall } from '../small-text';
import { holderSchema } from './holder';

/** What a lock takes of a storage. */
export type LockStorage = Pick<Storage, 'description' | 'list' | 'stat' | 'read' | 'write' | 'replace' | 'remove'>;

const DIGITS = 12;
const LOCK_KEY = /lock-(\d{12})\.json$/;

const recordSchema = z.object({
	owner: z.string(),
	token: z.string(),
	acquiredAt: z.string().datetime(),
	expiresAt: z.string().datetime(),
	releasedAt: z.string().datetime().optional(),
	/** Missing in records of earlier versions; one that is no such thing is as good as none. */
	holder: holderSchema.optional().catch(undefined),
});
export type LockRecord = z.infer<typeof recordSchema>;

export class Records {
	readonly description: string;

	/** @param folder empty, or with a slash at the end */
	constructor(
		private readonly storage: LockStorage,
		private readonly folder: string,
	) {
		this.description = storage.description;
	}

	keyOf(generation: number): string {
		return `${this.#beginning}${String(generation).padStart(DIGITS, '0')}.json`;
	}

	/** The newest generation, 0 where there is none. Listings of some servers lag behind, so what follows is asked for. */
	async newest(): Promise<number> {
		let newest = (await this.all()).reduce((most, { generation }) => Math.max(most, generation), 0);
		while (await this.storedAt(newest + 1)) newest++;
		return newest;
	}

	/** When its record was stored, on the storage's clock; undefined where there is none. */
	async storedAt(generation: number): Promise<Date | undefined> {
		return (await this.storage.stat(this.keyOf(generation)))?.modifiedAt;
	}

	/** Undefined where there is none, or none that can be read. */
	async read(generation: number): Promise<LockRecord | undefined> {
		return recordSchema.safeParse(parseJson(await readSmall(this.storage, this.keyOf(generation), LIMITS.lock))).data;
	}

	/**
	 * @returns whether it is certain that nobody else has created one at the same moment
	 * @throws BackupError STORAGE_EXISTS where there is one
	 */
	async create(generation: number, record: LockRecord, signal: AbortSignal | undefined): Promise<boolean> {
		const content = formatRecord(record);
		const options = { expectedSize: content.length, isPassing: true, ...(signal && { signal }) };
		const { isOnlyOurs = false } = await this.storage.write(this.keyOf(generation), Readable.from([content]), options);
		return isOnlyOurs;
	}

	async replace(generation: number, record: LockRecord): Promise<void> {
		await this.storage.replace(this.keyOf(generation), formatRecord(record), { isPassing: true });
	}

	async remove(generation: number): Promise<void> {
		await this.storage.remove(this.keyOf(generation));
	}

	async removeAll(records: readonly { generation: number }[]): Promise<void> {
		for (const { generation } of records) await this.remove(generation);
	}

	/** All that are listed, with when each was stored, on the storage's clock. */
	async all(): Promise<{ generation: number; storedAt: Date }[]> {
		const found: { generation: number; storedAt: Date }[] = [];
		for await (const { key, modifiedAt } of this.storage.list(this.#beginning)) {
			const generation = generationOf(key);
			if (generation !== undefined) found.push({ generation, storedAt: modifiedAt });
		}
		return found;
	}

	get #beginning(): string {
		return `${this.folder}lock-`;
	}
}

function generationOf(key: string): number | undefined {
	const digits = LOCK_KEY.exec(key)?.[1];
	return digits === undefined ? undefined : Number(digits);
}

function formatRecord(record: LockRecord): Buffer {
	return Buffer.from(`${JSON.stringify(record, null, 2)}\n`);
}

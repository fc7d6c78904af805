/**
 * Claims: a small object beside an archive, `<file>.writing.json`, that stands there for as long as somebody writes it. Whoever
 * comes second to a name learns it before reading anything, also on a bucket that refuses a second writer only once all
 * is uploaded. And what a writer that was killed has left is known by its claim as ours, whose archive has never been a backup.
 *
 * A claim is renewed while its writer lives, and a writer counts as dead when its claim was not for an hour, on the storage's
 * own clock: the claim of who looks was stored a moment ago, so no two clocks are compared. A writer that was suspended for
 * longer looks whether its archive is still there before it relies on it.
 */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';

import { z } from 'zod';

import { BackupError } from '../../errors';
import type { Storage, StoredObject } from '../../storage/storage';
import type { BackupKind } from '../manifest/manifest';
import { isFileOf, keyIn, manifestKeyOf, safeName } from '../naming';
import { LIMITS, readSmallObject } from '../small-object';

/** Ends the key of a claim: `postgres/shop_20260131_020000.sql.zst.writing.json`. */
export const CLAIM_SUFFIX = '.writing.json';

const RENEW_MS = 5 * 60 * 1000;
const DEAD_AFTER_MS = 60 * 60 * 1000;

const claimSchema = z.object({
	token: z.string(),
	kind: z.string(),
	name: z.string(),
	file: z.string(),
	/** Taken by a copy from another storage, of which one at a time works on a storage. */
	copy: z.literal(true).optional(),
});

/** What is to be written. */
export interface Claimed {
	kind: BackupKind;
	name: string;
	file: string;
	/** Set by who copies the archive from another storage, and holds the lock of this one. */
	copy?: true;
}

/** A claim that is held. */
export class Claim {
	readonly #content: Buffer;
	#renewedAt = moment();
	#mayBeLost = false;
	#renewal: Promise<void> = Promise.resolve();
	readonly #timer: NodeJS.Timeout;

	private constructor(
		private readonly storage: Storage,
		readonly key: string,
		claimed: Claimed,
		readonly token: string,
	) {
		this.#content = contentOf(claimed, token);
		this.#timer = setInterval(() => {
			this.#renewal = Promise.all([this.#renewal, this.#renew()]).then(() => {});
		}, RENEW_MS);
		this.#timer.unref();
	}

	/**
	 * Claims a name. `taken` where somebody else has it; undefined where the storage does not let us: then the archive itself
	 * will tell.
	 * @throws BackupError CANCELLED, STORAGE_UNREACHABLE
	 */
	static async take(
		storage: Storage,
		archiveKey: string,
		claimed: Claimed,
		signal: AbortSignal | undefined,
	): Promise<Claim | 'taken' | undefined> {
		const key = `${archiveKey}${CLAIM_SUFFIX}`;
		const token = randomUUID();
		let isWritten = false;
		try {
			const content = contentOf(claimed, token);
			const options = { expectedSize: content.length, isPassing: true, ...(signal && { signal }) };
			const { isOnlyOurs } = await storage.write(key, Readable.from([content]), options);
			isWritten = true;
			// A server that knows no conditional writes lets a second one replace the first.
			const found = isOnlyOurs ? undefined : await readClaim(storage, key);
			return found && found.token !== token ? 'taken' : new Claim(storage, key, claimed, token);
		} catch (error) {
			// Nobody would renew it: after an hour others would take this writer for dead.
			if (isWritten) await storage.remove(key).catch(() => {});
			if (!(error instanceof BackupError)) throw error;
			if (error.code === 'STORAGE_EXISTS') return 'taken';
			if (error.code === 'CANCELLED' || error.code === 'STORAGE_UNREACHABLE') throw error;
			return undefined;
		}
	}

	/** Whether a copy from another storage has claimed the name of an archive. @throws BackupError what the storage throws */
	static async isOfCopy(storage: Storage, archiveKey: string): Promise<boolean> {
		return (await readClaim(storage, `${archiveKey}${CLAIM_SUFFIX}`))?.copy === true;
	}

	/** Whether others may have taken this writer for dead, be it long ago. */
	get mayBeLost(): boolean {
		const [steady, wall] = moment();
		const silentMs = Math.max(steady - this.#renewedAt[0], wall - this.#renewedAt[1]);
		// A renewal that comes after that brings nothing back that was cleared away.
		return (this.#mayBeLost ||= silentMs > DEAD_AFTER_MS / 2);
	}

	/** Gives the name up. What cannot be removed is swept with the backup, or by the next run. */
	async release(): Promise<void> {
		clearInterval(this.#timer);
		await this.#renewal;
		await this.storage.remove(this.key).catch(() => {});
	}

	async #renew(): Promise<void> {
		try {
			await this.storage.replace(this.key, this.#content, { isPassing: true });
			if (!this.mayBeLost) this.#renewedAt = moment();
		} catch {
			// The next time may be better.
		}
	}
}

/** On two clocks: the steady one stands still on a machine that is suspended, the other one may be set back. */
function moment(): [steady: number, wall: number] {
	return [performance.now(), Date.now()];
}

function contentOf(claimed: Claimed, token: string): Buffer {
	return Buffer.from(`${JSON.stringify({ token, ...claimed })}\n`);
}

/** Undefined where there is none, or none that can be read. @throws BackupError what the storage throws */
async function readClaim(storage: Storage, key: string): Promise<z.infer<typeof claimSchema> | undefined> {
	try {
		const text = (await readSmallObject(storage, key, LIMITS.lock))?.toString('utf8');
		return text === undefined ? undefined : claimSchema.parse(JSON.parse(text));
	} catch (error) {
		if (error instanceof BackupError) throw error;
		return undefined;
	}
}

/**
 * Removes what writers of the same kind, name and folder have left that were killed: an archive without its manifest, what
 * was not yet one, and the claim. Nothing but what a claim names, and no living writer's. Best effort: what fails, the
 * next run tries again, and prune after a day.
 * @param own The claim of the caller: it shows the time on the storage's clock
 * @throws BackupError CANCELLED
 */
export async function clearDebris(
	storage: Storage,
	folder: string,
	{ kind, name }: Pick<Claimed, 'kind' | 'name'>,
	own: Claim,
	signal: AbortSignal | undefined,
): Promise<void> {
	try {
		for (const { key, modifiedAt } of await deadClaims(storage, folder, name, own)) {
			const claim = await readClaim(storage, key);
			const archive = key.slice(0, -CLAIM_SUFFIX.length);
			if (!claim || claim.kind !== kind || claim.name !== name || keyIn(folder, claim.file) !== archive) continue;
			if (!(await storage.stat(manifestKeyOf(archive)))) {
				await storage.remove(archive);
				await storage.sweep(new Date(modifiedAt.getTime() + DEAD_AFTER_MS), signal, (swept) => swept === archive);
			}
			await storage.remove(key);
		}
	} catch (error) {
		if (!(error instanceof BackupError) || error.code === 'CANCELLED') throw error;
	}
}

async function deadClaims(storage: Storage, folder: string, name: string, own: Claim): Promise<StoredObject[]> {
	const claims: StoredObject[] = [];
	for await (const object of storage.list(keyIn(folder, safeName(name)))) {
		if (object.key.endsWith(CLAIM_SUFFIX) && isFileOf(name, object.key.slice(keyIn(folder, '').length))) {
			claims.push(object);
		}
	}
	const now = claims.find(({ key }) => key === own.key)?.modifiedAt.getTime();
	if (now === undefined) return [];
	return claims.filter(({ key, modifiedAt }) => key !== own.key && now - modifiedAt.getTime() > DEAD_AFTER_MS);
}

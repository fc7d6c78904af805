import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { findBackup, listManifests, prune, verifyBackup, type KeepRules } from '../../../engine';
import type { CopyOptions } from '../../../engine/copy';
import { BackupError } from '../../../engine/errors';
import type { FolderStorage } from '../../../engine/storage/folder';
import { noise } from '../../random/bytes';
import { temporaryStorage } from '../archive/support';
import { DAY_MS, intercepted, textOf } from '../retention/support';
import type { Contents } from '../tree/memory-set';
import { backUp, baseIn, NO_BASE, restored } from '../tree/stage';
import { copyAll } from './support';

const random = noise('copy/histories');

const KEYS = { passphrase: 'open sesame' };

/**
 * A set that is backed up in increments, copied, pruned on both sides and copied back at random, by runs that may be killed. The second
 * storage may be one that is trusted less: then what goes there is encrypted on its way, and decrypted when it comes back.
 */
class History {
	readonly contents: Contents = new Map();
	readonly expected = new Map<string, Contents>();
	/** Texts of the manifests of all archives that were made, checkpoints as well, by id. */
	readonly #manifests = new Map<string, string>();
	readonly sides: readonly [FolderStorage, FolderStorage] = [temporaryStorage().storage, temporaryStorage().storage];

	/** Hours between two backups: one that was pruned here may stand there under its name. */
	#time = Date.now() - 14 * DAY_MS;

	constructor(private readonly isSealed: boolean) {}

	change(name: string, size: number | undefined): void {
		if (size === undefined) this.contents.delete(name);
		else this.contents.set(name, random(size));
	}

	async backUp(checkpointBytes: number, isWhole: boolean): Promise<void> {
		const [storage] = this.sides;
		const base = isWhole ? NO_BASE : await baseIn(storage);
		this.#time += DAY_MS / 3;
		const startedAt = new Date(this.#time);
		const manifest = await backUp(storage, this.contents, { checkpointBytes, base, startedAt });
		this.expected.set(manifest.id, new Map(this.contents));
		for (const { manifest: one, manifestKey } of (await listManifests(storage, '', { checkpoints: true })).backups) {
			const known = this.#manifests.get(one.id) ?? (await textOf(storage, manifestKey));
			this.#manifests.set(one.id, known);
		}
	}

	async prune(side: number, rules: KeepRules): Promise<void> {
		const { isSealed } = this;
		const trust = isSealed && side === 1 ? { trust: { ...KEYS, requireEncryption: true } } : {};
		await prune({ storage: this.sides[side]!, policy: { rules, maxDeletedShare: 1 }, owner: 'test', ...trust });
	}

	/** @param killedAt how many calls that change the target a run survives; what comes after them fails, also the clean-up */
	async copy(isBack: boolean, type: 'new' | 'latest' | 'all', killedAt: number | undefined): Promise<void> {
		const [source, target] = isBack ? this.sides.toReversed() : this.sides;
		let left = killedAt ?? Infinity;
		const mortal = async <T>(call: () => Promise<T>): Promise<T> => {
			if (--left < 0) throw new BackupError('STORAGE_UNREACHABLE', 'killed');
			return await call();
		};
		const dying = intercepted(target, {
			write: async (...given) => await mortal(async () => await target.write(...given)),
			replace: async (...given) => await mortal(async () => await target.replace(...given)),
			remove: async (...given) => await mortal(async () => await target.remove(...given)),
			setLatest: async (...given) => await mortal(async () => await target.setLatest(...given)),
		});
		try {
			const { rows } = await copyAll(source, dying, { which: { type }, ...this.#onTheWay(isBack) });
			expect(rows.filter(({ outcome }) => outcome === 'failed' || outcome === 'conflict')).toEqual([]);
		} catch (error) {
			if (!(error instanceof BackupError) || error.code !== 'STORAGE_UNREACHABLE') throw error;
		}
	}

	#onTheWay(isBack: boolean): Partial<CopyOptions> {
		if (!this.isSealed) return {};
		return isBack ? { decrypts: true, trust: KEYS } : { encryption: KEYS };
	}

	/** All that either side lists, at any time. What is not encrypted is what was made, to the byte. */
	async assertRestorable(): Promise<void> {
		for (const [side, storage] of this.sides.entries()) {
			const isSealed = this.isSealed && side === 1;
			const trust = isSealed ? { ...KEYS, requireEncryption: true } : {};
			const { backups, damaged } = await listManifests(storage, '', { checkpoints: true }, undefined, trust);
			expect(damaged).toEqual([]);
			for (const { manifest, manifestKey, foundSize } of backups) {
				expect([foundSize, manifest.encryption !== null]).toEqual([manifest.size.stored, isSealed]);
				if (!isSealed) expect(await textOf(storage, manifestKey)).toBe(this.#manifests.get(manifest.id));
				if (manifest.checkpoint) continue;
				const found = await findBackup(storage, { id: manifest.id }, '', undefined, trust);
				const options = { ...(isSealed && KEYS), folder: found.folder };
				expect(await restored(storage, found.manifest, options)).toEqual(this.expected.get(manifest.id));
				if (isSealed) await this.#assertVerified(storage, found.key);
			}
		}
	}

	async #assertVerified(storage: FolderStorage, key: string): Promise<void> {
		const { verdict } = await verifyBackup({ storage, key, level: 'integrity', keys: KEYS });
		expect(verdict).toBe('passed');
	}

	/** What is newest on a side is found as the latest of its name there, and the pointer leads to it, unless a run broke off. */
	async assertLatest(): Promise<void> {
		for (const storage of this.sides) {
			const [newest] = (await listManifests(storage, '', { limit: 1 })).backups;
			if (!newest) continue;
			expect((await findBackup(storage, { latest: 'set' })).key).toBe(newest.key);
		}
	}

	/** After a copy that ends, the newest backup of the source is there. */
	async assertNewestThere(): Promise<void> {
		await this.copy(false, 'new', undefined);
		const newest = async (storage: FolderStorage) =>
			(await listManifests(storage, '', { limit: 1 })).backups[0]?.manifest.id;
		const [here, there] = [await newest(this.sides[0]), await newest(this.sides[1])];
		if (here !== undefined) expect(there === here || !(await this.#has(0, there!))).toBe(true);
	}

	async #has(side: number, id: string): Promise<boolean> {
		const { backups } = await listManifests(this.sides[side]!, '');
		return backups.some(({ manifest }) => manifest.id === id);
	}
}

const count = fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined });
const someRules = fc
	.record({ last: count, daily: count, weekly: count, withinDays: count, weeklySnapshots: count })
	.map((rules): KeepRules => Object.fromEntries(Object.entries(rules).filter(([, value]) => value !== undefined)))
	// A policy that keeps nothing by any rule but that for weekly copies is no policy.
	.map((rules): KeepRules =>
		Object.keys(rules).some((rule) => rule !== 'weeklySnapshots') ? rules : { ...rules, last: 1 },
	);

describe.each([
	['as they are', false],
	['encrypted on their way, and decrypted when they come back', true],
])('any history of backups, copies %s, prunes on both sides and broken runs', (_form, isSealed) => {
	it('leaves on both sides nothing but backups that come back to the byte', async () => {
		const step = fc.oneof(
			{
				weight: 3,
				arbitrary: fc.record({
					do: fc.constant('change' as const),
					name: fc.constantFrom('a', 'b/c', 'd'),
					size: fc.option(fc.constantFrom(1, 700, 5000), { nil: undefined, freq: 4 }),
				}),
			},
			{
				weight: 4,
				arbitrary: fc.record({
					do: fc.constant('backUp' as const),
					checkpointBytes: fc.constantFrom(1000, 1e9),
					isWhole: fc.boolean(),
				}),
			},
			{
				weight: 4,
				arbitrary: fc.record({
					do: fc.constant('copy' as const),
					isBack: fc.boolean(),
					type: fc.constantFrom('new' as const, 'new' as const, 'latest' as const, 'all' as const),
					killedAt: fc.option(fc.nat(12), { nil: undefined }),
				}),
			},
			{
				weight: 2,
				arbitrary: fc.record({
					do: fc.constant('prune' as const),
					side: fc.nat(1),
					rules: someRules,
				}),
			},
		);
		await fc.assert(
			fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
				const history = new History(isSealed);
				for (const each of steps) {
					if (each.do === 'change') history.change(each.name, each.size);
					else if (each.do === 'backUp') await history.backUp(each.checkpointBytes, each.isWhole);
					else if (each.do === 'prune') await history.prune(each.side, each.rules);
					else await history.copy(each.isBack, each.type, each.killedAt);
				}
				await history.assertRestorable();
				await history.assertNewestThere();
				await history.assertRestorable();
				await history.assertLatest();
			}),
			{ numRuns: isSealed ? 6 : 12 },
		);
	});
});

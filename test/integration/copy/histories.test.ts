import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { findBackup, listManifests, prune } from '../../../engine';
import { BackupError } from '../../../engine/errors';
import type { FolderStorage } from '../../../engine/storage/folder';
import { noise } from '../../random/bytes';
import { temporaryStorage } from '../archive/support';
import { intercepted } from '../retention/support';
import type { Contents } from '../tree/memory-set';
import { backUp, baseIn, NO_BASE, restored } from '../tree/stage';
import { copyAll } from './support';

const random = noise('copy/histories');

/** A set that is backed up in increments, copied, pruned on both sides and copied back at random, by runs that may be killed. */
class History {
	readonly contents: Contents = new Map();
	readonly expected = new Map<string, Contents>();
	readonly sides: readonly [FolderStorage, FolderStorage] = [temporaryStorage().storage, temporaryStorage().storage];

	/** An hour between two backups: one that was pruned here may stand there under its name. */
	#time = Date.now() - 100 * 60 * 60 * 1000;

	change(name: string, size: number | undefined): void {
		if (size === undefined) this.contents.delete(name);
		else this.contents.set(name, random(size));
	}

	async backUp(checkpointBytes: number, isWhole: boolean): Promise<void> {
		const [storage] = this.sides;
		const base = isWhole ? NO_BASE : await baseIn(storage);
		this.#time += 60 * 60 * 1000;
		const startedAt = new Date(this.#time);
		const manifest = await backUp(storage, this.contents, { checkpointBytes, base, startedAt });
		this.expected.set(manifest.id, new Map(this.contents));
	}

	async prune(side: number, last: number): Promise<void> {
		await prune({ storage: this.sides[side]!, policy: { rules: { last }, maxDeletedShare: 1 }, owner: 'test' });
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
			const { rows } = await copyAll(source, dying, { which: { type } });
			expect(rows.filter(({ outcome }) => outcome === 'failed' || outcome === 'conflict')).toEqual([]);
		} catch (error) {
			if (!(error instanceof BackupError) || error.code !== 'STORAGE_UNREACHABLE') throw error;
		}
	}

	/** All that either side lists, at any time. */
	async assertRestorable(): Promise<void> {
		for (const storage of this.sides) {
			const { backups, damaged } = await listManifests(storage, '');
			expect(damaged).toEqual([]);
			for (const { manifest } of backups) {
				const found = await findBackup(storage, { id: manifest.id });
				expect(await restored(storage, found.manifest)).toEqual(this.expected.get(manifest.id));
			}
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

describe('any history of backups, copies, prunes on both sides and broken runs', () => {
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
					last: fc.integer({ min: 1, max: 2 }),
				}),
			},
		);
		await fc.assert(
			fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
				const history = new History();
				for (const each of steps) {
					if (each.do === 'change') history.change(each.name, each.size);
					else if (each.do === 'backUp') await history.backUp(each.checkpointBytes, each.isWhole);
					else if (each.do === 'prune') await history.prune(each.side, each.last);
					else await history.copy(each.isBack, each.type, each.killedAt);
				}
				await history.assertRestorable();
				await history.assertNewestThere();
				await history.assertRestorable();
			}),
			{ numRuns: 15 },
		);
	});
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { findBackup, listManifests, prune, type ListedBackup } from '../../../engine';
import type { FolderStorage } from '../../../engine/storage/folder';
import { noise } from '../../random/bytes';
import { temporaryStorage } from '../archive/support';
import { MemorySource, VersionedSource, type Contents } from './memory-set';
import { backUp, NO_BASE, restored } from './stage';

const random = noise('tree/histories');

/** A set that is changed, backed up, pruned and judged at random, and what each of its backups has to bring back. */
class History {
	readonly contents: Contents = new Map();
	readonly expected = new Map<string, Contents>();
	readonly failed = new Set<string>();

	constructor(
		readonly storage: FolderStorage,
		readonly keepsVersions: boolean,
	) {}

	change(name: string, size: number | undefined): void {
		if (this.keepsVersions) VersionedSource.change(this.contents, name, size === undefined ? undefined : random(size));
		else if (size === undefined) this.contents.delete(name);
		else this.contents.set(name, random(size));
	}

	async backUp(checkpointBytes: number, isWhole: boolean, breaksAt: string | undefined): Promise<void> {
		class Breaking extends (this.keepsVersions ? VersionedSource : MemorySource) {
			override async open(facts: Parameters<MemorySource['open']>[0]) {
				if (facts.name === breaksAt) throw new Error('broken off');
				return await super.open(facts);
			}
		}
		try {
			const isReliable = ({ manifest }: ListedBackup) => !this.failed.has(manifest.id);
			const options = { checkpointBytes, isReliable, ...(isWhole && { base: NO_BASE }) };
			const manifest = await backUp(this.storage, new Breaking(this.contents), options);
			this.expected.set(manifest.id, new Map(this.contents));
		} catch (error) {
			if (!(error instanceof Error) || error.message !== 'broken off') throw error;
		}
	}

	async judge(which: number): Promise<void> {
		const { backups } = await listManifests(this.storage, '');
		const judged = backups[which % Math.max(1, backups.length)];
		if (judged) this.failed.add(judged.manifest.id);
	}

	async prune(last: number): Promise<void> {
		const policy = { rules: { last }, maxDeletedShare: 1 };
		const stateOf = ({ id }: { id: string }) => (this.failed.has(id) ? { verified: 'failed' as const } : {});
		const options = { storage: this.storage, policy, owner: 'test', stateOf };
		expect(await prune({ ...options, policy, dryRun: true })).toMatchObject({ refusal: null });
		await prune(options);
		await this.assertBounded(last);
	}

	/** What is left is the newest good ones, one that is the last of what failed, what these need, and what a run may go on from. */
	async assertBounded(last: number): Promise<void> {
		const { backups: all } = await listManifests(this.storage, '', { checkpoints: true });
		const backups = all.filter(({ manifest }) => !manifest.checkpoint);
		const newestGood = backups.find(({ manifest }) => !this.failed.has(manifest.id));
		const needed = new Set<string>();
		const waiting = backups.map(({ manifest }) => manifest);
		for (let next = waiting.pop(); next; next = waiting.pop()) {
			for (const id of next.needs ?? []) {
				if (needed.has(id)) continue;
				needed.add(id);
				waiting.push(...all.filter(({ manifest }) => manifest.id === id).map(({ manifest }) => manifest));
			}
		}
		const free = backups.filter(({ manifest }) => !needed.has(manifest.id));
		expect(free.length).toBeLessThanOrEqual(2 * last + 2);
		for (const { manifest } of all) {
			if (!manifest.checkpoint || needed.has(manifest.id)) continue;
			expect(manifest.finishedAt > (newestGood?.manifest.finishedAt ?? '')).toBe(true);
		}
	}

	async assertRestorable(): Promise<void> {
		const { backups } = await listManifests(this.storage, '');
		for (const { manifest } of backups) {
			const found = await findBackup(this.storage, { id: manifest.id });
			expect(await restored(this.storage, found.manifest)).toEqual(this.expected.get(manifest.id));
		}
	}
}

describe('any history of backups, broken runs, prunes and verdicts', () => {
	it('leaves nothing but backups that come back to the byte, and no more than the policy keeps', async () => {
		const names = ['a', 'b/c', 'b-c', 'd', 'e'];
		const step = fc.oneof(
			{
				weight: 4,
				arbitrary: fc.record({
					do: fc.constant('change' as const),
					name: fc.constantFrom(...names),
					size: fc.option(fc.constantFrom(0, 1, 700, 20_000), { nil: undefined, freq: 4 }),
				}),
			},
			{
				weight: 4,
				arbitrary: fc.record({
					do: fc.constant('backUp' as const),
					checkpointBytes: fc.constantFrom(1000, 15_000, 1e9),
					isWhole: fc.boolean(),
					breaksAt: fc.option(fc.constantFrom(...names), { nil: undefined, freq: 1 }),
				}),
			},
			{ weight: 2, arbitrary: fc.record({ do: fc.constant('prune' as const), last: fc.integer({ min: 1, max: 3 }) }) },
			{ weight: 1, arbitrary: fc.record({ do: fc.constant('judge' as const), which: fc.nat(9) }) },
		);
		await fc.assert(
			fc.asyncProperty(fc.boolean(), fc.array(step, { minLength: 4, maxLength: 14 }), async (keepsVersions, steps) => {
				const history = new History(temporaryStorage().storage, keepsVersions);
				for (const each of steps) {
					if (each.do === 'change') history.change(each.name, each.size);
					else if (each.do === 'backUp') await history.backUp(each.checkpointBytes, each.isWhole, each.breaksAt);
					else if (each.do === 'judge') await history.judge(each.which);
					else await history.prune(each.last);
				}
				await history.assertRestorable();
			}),
			{ numRuns: 40 },
		);
	});
});

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { listManifests, prune, type Manifest } from '../../../engine';
import { noise } from '../../random/bytes';
import { temporaryStorage } from '../archive/support';
import { MemorySource, type Contents } from './memory-set';
import { backUp, baseIn, NO_BASE, restored } from './stage';

const random = noise('tree/base');

const contents = (): Contents => new Map(['a', 'b', 'c'].map((name): [string, Buffer] => [name, random(50_000)]));

/** Flips a bit in the part of an archive that is its index. */
function damageIndex(root: string, { file, parts }: Manifest): void {
	const place = path.join(root, 'files', file);
	const bytes = readFileSync(place);
	bytes[parts.find(({ type }) => type === 'index')!.offset + 20]! ^= 1;
	writeFileSync(place, bytes);
}

describe('a backup goes on from an earlier one', () => {
	it('only where the same keys open both, for a restore has one set of keys', async () => {
		const { storage } = temporaryStorage();
		const set = contents();
		const steps = [undefined, 'first', 'first', 'second', undefined];
		const increments: (number | undefined)[] = [];
		const warnings: string[][] = [];
		for (const passphrase of steps) {
			const options = passphrase === undefined ? {} : { passphrase };
			const manifest = await backUp(storage, set, options);
			increments.push(manifest.counts['increment']);
			warnings.push(manifest.warnings);
			expect(await restored(storage, manifest, options)).toEqual(set);
		}
		// The last one goes on from the first.
		expect(increments).toEqual([0, 0, 1, 0, 1]);
		// To encrypt from now on, or no more, is a choice; to do so with another passphrase is a mistake, maybe.
		const another = expect.stringMatching(
			/ cannot be gone on from: The passphrase .* does not open the archive/,
		) as string;
		expect(warnings).toEqual([[], [], [], [another], []]);
		expect(await baseIn(storage, { passphrase: 'third' })).toMatchObject({
			increment: 0,
			archives: [],
			reason: expect.stringMatching(/is not encrypted in the same way|cannot be gone on from/) as string,
		});
	});

	it('only where its index can be read, and from the one before that otherwise', async () => {
		const { storage, root } = temporaryStorage();
		const set = contents();
		const first = await backUp(storage, set);
		set.set('b', random(50_000));
		const second = await backUp(storage, set);
		damageIndex(root, second);
		const third = await backUp(storage, set);
		expect(third.counts).toMatchObject({ increment: 1, stored: 1 });
		expect(third.needs).toEqual([first.id]);
		expect(third.warnings).toEqual([expect.stringContaining(`${second.file} cannot be gone on from: `)]);
		damageIndex(root, first);
		damageIndex(root, third);
		const whole = await backUp(storage, set);
		expect(whole.counts).toMatchObject({ increment: 0, stored: 3 });
		expect(await restored(storage, whole)).toEqual(set);
	});

	it('and fails where an archive that it uses goes away meanwhile, its own checkpoints included', async () => {
		const { storage, root } = temporaryStorage();
		const set = contents();
		// Large files are opened when it is their turn to be written.
		set.set('c', random(1_200_000));
		class Losing extends MemorySource {
			override async open(facts: Parameters<MemorySource['open']>[0]) {
				if (facts.name === 'c')
					for (const { key } of (await listManifests(storage, '', { checkpoints: true })).backups)
						rmSync(path.join(root, key), { force: true });
				return await super.open(facts);
			}
		}
		const lost = { code: 'ARCHIVE_INCOMPLETE', message: expect.stringContaining('went away while it ran') as string };
		await expect(backUp(storage, new Losing(set), { checkpointBytes: 60_000 })).rejects.toMatchObject(lost);
		expect((await listManifests(storage, '')).backups).toEqual([]);
		await backUp(storage, set);
		set.set('c', random(1_300_000));
		await expect(backUp(storage, new Losing(set))).rejects.toMatchObject(lost);
		expect(await restored(storage, await backUp(storage, set))).toEqual(set);
	});
});

describe('a prune', () => {
	it('takes nothing away that a backup may use which is being written', async () => {
		const { storage } = temporaryStorage();
		const set = contents();
		const policy = { rules: { last: 1 }, maxDeletedShare: 1 };
		const first = await backUp(storage, set);
		let deleted: unknown[] | undefined;
		class Slow extends MemorySource {
			override async open(facts: Parameters<MemorySource['open']>[0]) {
				// Another run of the same set comes to its end, so that no rule keeps the first one.
				await backUp(storage, set, { base: NO_BASE });
				({ deleted } = await prune({ storage, policy, owner: 'test' }));
				return await super.open(facts);
			}
		}
		set.set('c', random(1_200_000));
		const manifest = await backUp(storage, new Slow(set));
		expect(deleted).toEqual([]);
		expect(manifest.needs).toEqual([first.id]);
		expect(await restored(storage, manifest)).toEqual(set);
		// It began before the other one, and so is the older of the two.
		expect((await prune({ storage, policy: { rules: { last: 2 } }, owner: 'test' })).deleted).toEqual([]);
		expect(await restored(storage, manifest)).toEqual(set);
	});
});

describe('the archives of a backup', () => {
	it('are never more than a manifest can name', async () => {
		const { storage } = temporaryStorage();
		const set: Contents = new Map(Array.from({ length: 12 }, (_, index) => [`file-${index}`, random(5000)]));
		const manifest = await backUp(storage, set, { checkpointBytes: 1, mostNeeds: 5 });
		expect(manifest.needs).toHaveLength(5);
		expect(await restored(storage, manifest)).toEqual(set);
	});
});

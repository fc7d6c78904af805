import { describe, expect, it } from 'vitest';

import { findBackup } from '../../../engine';
import { manifestKeyOf } from '../../../engine/archive';
import { compareStorages, type CompareStoragesOptions } from '../../../engine/copy';
import { setPinned } from '../../../engine/retention';
import type { Storage } from '../../../engine/storage';
import { noise } from '../../random/bytes';
import { bytesOf, changeManifest, keysIn, textOf, writeBackup } from '../retention/support';
import { backUp, baseIn, NO_BASE } from '../tree/stage';
import { copyAll, daily, temporaryStorage } from './support';

const random = noise('copy/compare');

async function compared(source: Storage, target: Storage, more: Partial<CompareStoragesOptions> = {}) {
	const rows = await compareStorages({ source, target, ...more });
	return Object.fromEntries(rows.map(({ key, outcome }) => [key, outcome]));
}

/** A whole backup of a set and two increments, the first of which has committed a checkpoint on its way, which both need. */
async function increments(storage: Storage): Promise<{ keys: string[]; checkpoint: string }> {
	const contents = new Map([['a', random(3000)]]);
	const made = [await backUp(storage, contents, { startedAt: new Date(Date.now() - 120_000), base: NO_BASE })];
	for (const [name, daysAgo] of [
		['b', 60_000],
		['d', 0],
	] as const) {
		contents.set(name, random(3000)).set(`${name}2`, random(3000));
		const startedAt = new Date(Date.now() - daysAgo);
		made.push(
			await backUp(storage, contents, {
				base: await baseIn(storage),
				checkpointBytes: name === 'b' ? 1000 : 1e9,
				startedAt,
			}),
		);
	}
	const keys = made.map(({ file }) => `files/${file}`);
	const manifests = (await keysIn(storage)).filter((key) => key.endsWith('.manifest.json'));
	const others = manifests.map((key) => key.slice(0, -'.manifest.json'.length)).filter((key) => !keys.includes(key));
	return { keys, checkpoint: others[0]! };
}

describe('a comparison of two storages', () => {
	it('tells what each lacks, holds differently or holds damaged, and changes nothing', async () => {
		const [source, target] = [temporaryStorage().storage, temporaryStorage().storage];
		const [same, cut, flipped, unread, gone] = (await daily(source, 5)) as [string, string, string, string, string];
		await copyAll(source, target);
		const late = await writeBackup(source, 0, { name: 'crm' });
		const ours = await writeBackup(target, 0, { name: 'blog' });
		await target.replace(cut, Buffer.from('cut'));
		await target.replace(flipped, Buffer.from((await textOf(target, flipped)).toUpperCase()));
		await target.replace(manifestKeyOf(unread), Buffer.from('{'));
		await source.remove(gone);
		await setPinned({ storage: source, reference: { file: same }, pinned: true, owner: 'test' });
		const before = [await keysIn(source), await keysIn(target)];
		const expected = {
			[same]: 'same',
			[cut]: 'damagedAtTarget',
			[flipped]: 'same',
			[unread]: 'damagedAtTarget',
			[gone]: 'damagedAtSource',
			[late]: 'missingAtTarget',
			[ours]: 'missingAtSource',
		};
		expect(await compared(source, target)).toEqual(expected);
		expect(await compared(source, target, { readEverything: true })).toEqual({
			...expected,
			[flipped]: 'damagedAtTarget',
		});
		expect(await compared(source, target, { filters: { names: ['crm', 'blog'] } })).toEqual({
			[late]: 'missingAtTarget',
			[ours]: 'missingAtSource',
		});
		expect([await keysIn(source), await keysIn(target)]).toEqual(before);
	});

	it.each(['target', 'source'] as const)(
		'finds a backup damaged where something that it needs is, at the %s',
		async (where) => {
			const [source, target] = [temporaryStorage().storage, temporaryStorage().storage];
			const { keys, checkpoint } = await increments(source);
			await copyAll(source, target);
			const [whole, second, third] = keys as [string, string, string];
			const side = where === 'target' ? target : source;
			const outcome = where === 'target' ? 'damagedAtTarget' : 'damagedAtSource';
			const swapped = where === 'target' ? 'damagedAtSource' : 'damagedAtTarget';
			// A checkpoint is no backup, and has no row of its own.
			const content = await bytesOf(side, checkpoint);
			await side.replace(checkpoint, Buffer.from(content).fill(0));
			const inside = { [whole]: 'same', [second]: outcome, [third]: outcome };
			expect(await compared(source, target)).toEqual({ [whole]: 'same', [second]: 'same', [third]: 'same' });
			expect(await compared(source, target, { readEverything: true })).toEqual(inside);
			expect(await compared(target, source, { readEverything: true })).toEqual({
				[whole]: 'same',
				[second]: swapped,
				[third]: swapped,
			});
			await side.replace(checkpoint, content);
			await side.remove(manifestKeyOf(checkpoint));
			expect(await compared(source, target)).toEqual(inside);
		},
	);

	it('reads what only one of the two has as well', async () => {
		const [source, target] = [temporaryStorage().storage, temporaryStorage().storage];
		const [here] = (await daily(source, 1)) as [string];
		const [there, fine] = [
			await writeBackup(target, 3, { name: 'crm' }),
			await writeBackup(target, 3, { name: 'blog' }),
		];
		for (const [storage, key] of [
			[source, here],
			[target, there],
		] as const) {
			await storage.replace(key, Buffer.from((await textOf(storage, key)).toUpperCase()));
		}
		const listed = { [here]: 'missingAtTarget', [there]: 'missingAtSource', [fine]: 'missingAtSource' };
		expect(await compared(source, target)).toEqual(listed);
		const read = { [here]: 'damagedAtSource', [there]: 'damagedAtTarget', [fine]: 'missingAtSource' };
		expect(await compared(source, target, { readEverything: true })).toEqual(read);
	});

	it('follows what is needed to its end, also round a circle, and knows another archive by a needed id', async () => {
		const [source, target] = [temporaryStorage().storage, temporaryStorage().storage];
		const [first, second, third] = (await daily(source, 3)) as [string, string, string];
		const idOf = async (key: string) => (await findBackup(source, { file: key })).manifest.id;
		const needs = async (key: string, other: string) =>
			await changeManifest(source, key, { needs: [await idOf(other)] });
		await needs(third, second);
		await needs(second, first);
		await copyAll(source, target);
		await target.replace(first, Buffer.from((await textOf(target, first)).toUpperCase()));
		const all = { [first]: 'damagedAtTarget', [second]: 'damagedAtTarget', [third]: 'damagedAtTarget' };
		expect(await compared(source, target, { readEverything: true })).toEqual(all);
		await changeManifest(target, first, { warnings: ['another'] });
		expect(await compared(source, target)).toEqual({
			[first]: 'different',
			[second]: 'different',
			[third]: 'different',
		});
		// It needs itself in the end.
		await needs(first, third);
		expect(await compared(source, target, { readEverything: true })).toMatchObject({ [third]: 'different' });
	});
});

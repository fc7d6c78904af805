import { describe, expect, it } from 'vitest';

import { manifestKeyOf } from '../../../engine/archive';
import { compareStorages, type CompareStoragesOptions } from '../../../engine/copy';
import { setPinned } from '../../../engine/retention';
import type { Storage } from '../../../engine/storage';
import { keysIn, textOf, writeBackup } from '../retention/support';
import { backUp, baseIn } from '../tree/stage';
import { copyAll, daily, temporaryStorage } from './support';

async function compared(source: Storage, target: Storage, more: Partial<CompareStoragesOptions> = {}) {
	const rows = await compareStorages({ source, target, ...more });
	return Object.fromEntries(rows.map(({ key, outcome }) => [key, outcome]));
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

	it('finds a backup damaged where something that it needs is', async () => {
		const [source, target] = [temporaryStorage().storage, temporaryStorage().storage];
		const contents = new Map([['a', Buffer.alloc(3000, 1)]]);
		const first = await backUp(source, contents);
		contents.set('b', Buffer.alloc(3000, 2));
		const second = await backUp(source, contents, { base: await baseIn(source) });
		await copyAll(source, target);
		const key = `files/${first.file}`;
		await target.replace(key, Buffer.from(await textOf(target, key)).fill(0));
		const read = await compared(source, target, { readEverything: true });
		expect(read).toEqual({ [key]: 'damagedAtTarget', [`files/${second.file}`]: 'damagedAtTarget' });
	});
});

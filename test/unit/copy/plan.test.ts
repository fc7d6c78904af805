import { describe, expect, it } from 'vitest';

import type { ListedBackup, Manifest } from '../../../engine/archive';
import { planCopies, type CopyQuestion } from '../../../engine/copy/plan';
import type { Side } from '../../../engine/copy/side';
import type { Storage } from '../../../engine/storage';

const HOUR_MS = 60 * 60 * 1000;
const START = Date.parse('2026-01-31T00:00:00Z');

/** A backup that began so many hours after the first; its name is its id. */
function listed(
	id: string,
	hour: number,
	more: Partial<Manifest> & { foundSize?: number; folder?: string } = {},
): ListedBackup {
	const { foundSize = 10, folder = 'files', ...fields } = more;
	const time = new Date(START + hour * HOUR_MS);
	const stamp = time.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '_');
	const name = fields.name ?? 'docs';
	const file = `${name}_${stamp}.tar`;
	const manifest = {
		id,
		kind: 'files',
		name,
		file,
		folder,
		startedAt: time.toISOString(),
		finishedAt: time.toISOString(),
		source: { system: 'folder', version: '1' },
		size: { raw: 10, compressed: 10, stored: 10 },
		sha256: id.padEnd(64, '0'),
		tags: [],
		...fields,
	} as unknown as Manifest;
	const key = `${folder}/${file}`;
	return { manifest, key, folder, manifestKey: `${key}.manifest.json`, foundSize, hasRecord: false };
}

function side(backups: ListedBackup[], more: Partial<Side> = {}): Side {
	const byId = new Map<string, ListedBackup[]>();
	for (const backup of backups) byId.set(backup.manifest.id, [...(byId.get(backup.manifest.id) ?? []), backup]);
	const listing = new Set(backups.map(({ key }) => key));
	return { storage: {} as Storage, byId, damaged: new Map(), bare: new Map(), listing, ...more };
}

/** `1 copy`, `2 skip there`: what is decided, in its order; a star for what comes only because another needs it. */
function planned(source: ListedBackup[], target: ListedBackup[], more: Partial<CopyQuestion> = {}): string[] {
	const question = { which: { type: 'new' as const }, filters: {}, copiedBefore: new Set<string>(), ...more };
	const { copies } = planCopies({ source: side(source), target: side(target), ...question });
	return copies.map(({ backup, action, isNeeded }) =>
		[`${isNeeded ? '*' : ''}${backup.manifest.id}`, action.type, ...('why' in action ? [action.why] : [])].join(' '),
	);
}

describe('the plan of a copy', () => {
	it('has the oldest first, and what is needed before what needs it, wherever that lies', () => {
		const late = listed('late', 5, { name: 'part' });
		const parts = [listed('point', 1, { checkpoint: true }), late];
		const all = [
			listed('2', 3, { needs: ['point', '1'] }),
			listed('1', 0),
			...parts,
			listed('3', 4, { needs: ['late'] }),
		];
		expect(planned(all, [])).toEqual(['1 copy', '*point copy', '2 copy', 'late copy', '3 copy']);
		const picked = { which: { type: 'picked' as const, ids: ['3'] } };
		expect(planned(all, [], picked)).toEqual(['*late copy', '3 copy']);
		expect(planned(all, [late], picked)).toEqual(['*late skip there', '3 copy']);
	});

	it('goes down any depth of needs, and refuses those that go in a circle', () => {
		const chain = Array.from({ length: 20_000 }, (_, n) => listed(`n${n}`, n, n > 0 ? { needs: [`n${n - 1}`] } : {}));
		const deep = planned(chain, [], { which: { type: 'picked', ids: ['n19999'] } });
		expect([deep.length, deep[0], deep.at(-1)]).toEqual([20_000, '*n0 copy', 'n19999 copy']);
		const circle = [
			listed('a', 0, { needs: ['b'] }),
			listed('b', 1, { needs: ['c'] }),
			listed('c', 2, { needs: ['a'] }),
		];
		expect(planned([...circle, listed('d', 3)], []).sort()).toEqual(['a fail', 'b fail', 'c fail', 'd copy']);
	});

	it('fails what is damaged at the source, and all that needs it, unless the target has it', () => {
		const cut = listed('1', 0, { foundSize: 9 });
		const all = [cut, listed('2', 1, { needs: ['1'] }), listed('3', 2, { needs: ['gone'] }), listed('4', 3)];
		expect(planned(all, [])).toEqual(['1 fail', '2 fail', '3 fail', '4 copy']);
		expect(planned(all, [listed('1', 0), listed('gone', 9)])).toEqual(['1 skip there', '2 copy', '3 copy', '4 copy']);
	});

	it('takes the weekly copy where the backup itself is gone, and one of each otherwise', () => {
		const [original, weekly] = [listed('1', 0), listed('1', 0, { folder: 'weekly/2026_W05' })];
		weekly.manifest.folder = 'files';
		expect(planned([original, weekly], [])).toEqual(['1 copy']);
		expect(planned([{ ...original, foundSize: undefined }, weekly], [])).toEqual(['1 copy']);
		expect(planned([original], [weekly])).toEqual(['1 skip there']);
	});

	it('does not bring back what was removed, but for what something needs, and for the last of a series', () => {
		const copiedBefore = new Set(['1', '2', '3']);
		const all = [listed('1', 0), listed('2', 1), listed('3', 2), listed('4', 3, { needs: ['1'] })];
		expect(planned(all, [listed('3', 2)], { copiedBefore })).toEqual(
			['3 skip there', '*1 copy', '4 copy', '2 skip removed'].map((row) => row.replace('*', '')),
		);
		expect(planned(all, [], { copiedBefore })).toEqual(['1 copy', '2 copy', '3 copy', '4 copy']);
		expect(planned(all, [listed('9', 9, { name: 'other' })], { copiedBefore })).not.toContain('3 skip removed');
		expect(planned(all, [listed('3', 2)], { copiedBefore, which: { type: 'all' } })).not.toContain('2 skip removed');
	});

	it('finds what stands in the way in the target, and lets it stand', () => {
		const all = [listed('1', 0), listed('2', 1), listed('3', 2), listed('4', 3), listed('5', 4)];
		const key = (at: number) => all[at]!.key;
		const target = side([listed('1', 0, { tags: ['other'] }), listed('x', 1), listed('3', 2, { foundSize: 3 })], {
			bare: new Map([
				[key(3), { size: 7, isClaimed: false }],
				[key(4), { size: 7, isClaimed: true }],
			]),
		});
		const { copies } = planCopies({
			source: side(all),
			target,
			which: { type: 'new' },
			filters: {},
			copiedBefore: new Set(),
		});
		expect(copies.map(({ action }) => action.type)).toEqual(['conflict', 'conflict', 'conflict', 'conflict', 'copy']);
	});
});

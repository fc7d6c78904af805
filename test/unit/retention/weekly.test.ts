import { describe, expect, it } from 'vitest';

import { dueWeeklyCopies, Zone } from '../../../engine/retention';
import { backup, daily } from './entries';

const due = (entries: Parameters<typeof dueWeeklyCopies>[0], zone = 'UTC') =>
	dueWeeklyCopies(entries, new Zone(zone)).map(
		({ entry, folder }) => `${folder} ${entry.name} ${entry.startedAt.slice(0, 10)}`,
	);

describe('dueWeeklyCopies', () => {
	it('names the newest good backup of everything, in the week it was made', () => {
		const [newest, ...older] = daily(9);
		const crm = backup('2021-01-03T12:00:00Z', { name: 'crm' });
		expect(due([...older, newest!, crm])).toEqual([
			'weekly/2026_W29 shop 2026-07-15',
			'weekly/2020_W53 crm 2021-01-03',
		]);
		expect(due([{ ...newest!, verified: 'failed' }, ...older])).toEqual(['weekly/2026_W29 shop 2026-07-14']);
	});

	it('names nothing that its week has already, whichever backup of the week it was', () => {
		const copy = (more = {}) => backup('2026-07-13T00:00:00Z', { key: 'weekly/2026_W29/shop_1.sql', ...more });
		expect(due([...daily(3), copy()])).toEqual([]);
		expect(due([...daily(3), copy({ name: 'crm' })])).toHaveLength(1);
		expect(due([...daily(3), copy({ kind: 'qdrant' })])).toHaveLength(1);
		expect(due([...daily(3), copy({ complete: false })])).toHaveLength(1);
	});

	it('leaves out what needs other archives', () => {
		const full = backup('2026-07-13T00:00:00Z');
		const increment = backup('2026-07-15T00:00:00Z', { needs: [full.id] });
		expect(due([increment, full])).toEqual(['weekly/2026_W29 shop 2026-07-13']);
	});
});

import { describe, expect, it } from 'vitest';

import { chosenBy, type WorkflowChoice } from '../../../../engine/n8n/workflows/choice';

const shop = {
	id: 'a1',
	name: 'Shop: orders',
	active: true,
	isArchived: false,
	tags: [{ id: 't1', name: 'prod' }],
	shared: [{ role: 'workflow:owner', projectId: 'p1' }],
};

describe('which workflows are chosen', () => {
	it.each<[boolean, WorkflowChoice]>([
		[true, {}],
		[true, { ids: ['a1'] }],
		[false, { ids: ['a2'] }],
		[true, { ids: ['a2'], names: ['shop*'] }],
		[true, { names: ['Shop: orders'] }],
		[true, { names: ['*ORDERS'] }],
		[true, { names: ['sh?p:*'] }],
		[false, { names: ['shop'] }],
		[false, { names: ['*order'] }],
		[true, { tags: ['test', 'prod'] }],
		[false, { tags: ['test'] }],
		[true, { projects: ['p1'] }],
		[false, { projects: ['p2'] }],
		[true, { active: true }],
		[false, { active: false }],
		[true, { withoutArchived: true }],
		[false, { names: ['shop*'], tags: ['test'] }],
	])('takes it (%s) for %j', (isTaken, choice) => {
		expect(chosenBy(choice)(shop)).toBe(isTaken);
	});

	it('leaves out what is archived where that is asked for', () => {
		expect(chosenBy({ withoutArchived: true })({ ...shop, isArchived: true })).toBe(false);
	});

	it('compares a name with many stars at once', () => {
		expect(chosenBy({ names: [`${'*a'.repeat(200)}b`] })({ name: 'a'.repeat(5000) })).toBe(false);
	});

	it('refuses an empty name, which would mean nothing or everything', () => {
		expect(() => chosenBy({ names: [''] })).toThrow('is empty');
	});
});

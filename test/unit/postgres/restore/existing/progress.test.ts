import { describe, expect, it } from 'vitest';

import { BackupError } from '../../../../../engine/errors';
import { Progress } from '../../../../../engine/postgres/restore/existing/progress';
import type { RestoreTarget } from '../../../../../engine/postgres';
import { SelectionFilter } from '../../../../../engine/postgres/restore/source/selection';
import type { SourceFacts } from '../../../../../engine/postgres/restore/source/source';

const facts: SourceFacts = {
	name: 'shop.sql',
	extensions: [],
	roles: () => [],
	schemas: new Set(['public']),
	createdSchemas: new Set(),
	relations: new Set(),
	expectedRows: new Map([
		['public\0a', 2],
		['public\0b', 3],
		['public\0none', 0],
	]),
	ordered: false,
	filled: () => Promise.resolve(new Map()),
	filter: (selection) => new SelectionFilter(selection),
};

const existing: RestoreTarget = { type: 'existing', database: 'shop', confirmation: 'shop', before: 'drop' };

function progress({ target = existing, changed = true, tables = ['a', 'b', 'none'] } = {}): Progress {
	const made = new Progress({ target, selection: { tables } }, facts);
	made.rows.set('public\0a', 2);
	made.rows.set('public\0b', 1);
	made.changed = changed;
	return made;
}

describe('the progress of a restore', () => {
	it('tells complete tables from those that lack rows, and counts only what was wanted', () => {
		expect(progress().cancelled().message).toBe(
			'The run was cancelled. The database "shop" holds part of the backup now: of 2 tables with rows, 1 are loaded completely (public.a).',
		);
		expect(progress({ tables: ['b'] }).cancelled().message).toContain(
			'of 1 tables with rows, 0 are loaded completely.',
		);
	});

	it('adds to a failure what it leaves, and to its hint how to go on', () => {
		const failure = new BackupError('TARGET_FAILED', 'Could not restore b', { hint: 'Do this.', details: { at: 1 } });
		const told = progress().failed(failure);
		expect(told).toMatchObject({ code: 'TARGET_FAILED', details: { at: 1, loadedTables: ['public.a'] } });
		expect(told.message).toMatch(/^Could not restore b\. The database "shop" holds part/);
		expect(told.hint).toMatch(/^Do this\. To complete it,/);
	});

	it('says that something may be changed where that was asked for and no answer came', () => {
		const made = progress({ changed: false });
		made.begin();
		const may = 'tables of "shop" may be dropped and made anew already.';
		expect(made.cancelled().message).toBe(`The run was cancelled. The server had not answered yet: ${may}`);
		const lost = made.failed(new BackupError('TARGET_UNREACHABLE', 'Gone', { hint: 'Look.' }));
		expect(lost).toMatchObject({ code: 'TARGET_UNREACHABLE', message: expect.stringContaining(may) as unknown });
		const refused = new BackupError('TARGET_FAILED', 'Refused');
		expect(made.failed(refused)).toBe(refused);
	});

	it('says so where nothing was changed, and nothing of databases that are dropped again', () => {
		const failure = new BackupError('TARGET_FAILED', 'Could not restore b');
		expect(progress({ changed: false }).failed(failure)).toBe(failure);
		expect(progress({ changed: false }).cancelled().message).toBe('The run was cancelled; nothing was changed.');
		const target: RestoreTarget = { type: 'newDatabase', database: 'shop' };
		expect(progress({ target }).failed(failure)).toBe(failure);
		expect(progress({ target }).cancelled().message).toContain('nothing half-written was left behind');
	});
});

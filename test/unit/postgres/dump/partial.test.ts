import { expect, it } from 'vitest';

import { dumpArguments, type DumpSelection } from '../../../../engine/postgres';
import { partialBackup } from '../../../../engine/postgres/dump/partial';

const partialOf = (selection: DumpSelection) => partialBackup(selection.content, dumpArguments(selection));

it.each<DumpSelection>([
	{},
	{ content: 'all', noOwner: true, noPrivileges: true, clean: true, lockTimeout: 1000, largeObjects: 'include' },
	{ extraArguments: '--no-comments --exclude-extension=timescaledb --role=reader --no-policies' },
])('takes %j for the whole database', (selection) => expect(partialOf(selection)).toBeUndefined());

it.each<[DumpSelection, object]>([
	[{ content: 'schema' }, { content: 'schema', selection: [] }],
	[{ content: 'data' }, { content: 'data', selection: [] }],
	[{ schemas: ['sales'] }, { content: 'all', selection: ['--schema=sales'] }],
	[
		{ content: 'data', tables: ['public."A=B"'], excludeTableData: ['log_*'] },
		{ content: 'data', selection: ['--table=public."A=B"', '--exclude-table-data=log_*'] },
	],
	[{ excludeSchemas: ['a'], excludeTables: ['b'] }, { selection: ['--exclude-schema=a', '--exclude-table=b'] }],
	[{ largeObjects: 'exclude' }, { content: 'all', selection: ['--no-large-objects'] }],
	[
		{ extraArguments: '--table-and-children orders --no-comments --enable-row-security' },
		{ selection: ['--table-and-children=orders', '--enable-row-security'] },
	],
])('says of %j what is left out', (selection, partial) => expect(partialOf(selection)).toMatchObject(partial));

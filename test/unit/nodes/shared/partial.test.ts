import { expect, it } from 'vitest';

import type { Manifest } from '../../../../engine';
import { partialWords } from '../../../../nodes/shared/partial';

it.each<[Manifest['partial'], string[]]>([
	[undefined, []],
	[{ content: 'schema', selection: [] }, ['schema only']],
	[{ content: 'data', selection: ['--schema=sales'] }, ['data only', 'some tables']],
	[{ content: 'all', selection: ['--exclude-table-and-children=log'] }, ['some tables']],
	[{ content: 'all', selection: ['--exclude-table-data=log'] }, ['without some data']],
	[{ content: 'all', selection: ['--no-large-objects'] }, ['without some data']],
])('%j is %j', (partial, words) => expect(partialWords({ partial } as Manifest)).toEqual(words));

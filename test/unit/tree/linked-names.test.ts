import { expect, it } from 'vitest';

import { MOST_LINKED } from '../../../engine/tree';
import { LinkedNames } from '../../../engine/tree/linked-names';

it('names of hard links take bounded memory, however many and however long an index has them', () => {
	const many = new LinkedNames();
	for (let count = 0; count <= MOST_LINKED; count++) many.add(`folder/${count}`, 'other');
	expect(many.get('folder/0')).toBe('other');
	expect(many.has(`folder/${MOST_LINKED}`)).toBe(false);
	const long = new LinkedNames();
	const add = () => {
		for (let count = 0; count < 2000; count++) long.add(`${count}`.padEnd(64 * 1024, 'x'));
	};
	expect(add).toThrow(expect.objectContaining({ code: 'ARCHIVE_CORRUPT' }));
});

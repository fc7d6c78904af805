import { expect, it } from 'vitest';

import { listed } from '../../engine/errors';

it('a message names the first few, and says how many more there are', () => {
	expect(listed([])).toBe('');
	expect(listed(['a', 'b'])).toBe('a, b');
	expect(listed(['a', 'b', 'c', 'd', 'e'])).toBe('a, b, c, d, e');
	expect(listed(['a', 'b', 'c', 'd', 'e', 'f', 'g'])).toBe('a, b, c, d, e and 2 more');
	expect(listed(['a', 'b', 'c'], 2)).toBe('a, b and 1 more');
});

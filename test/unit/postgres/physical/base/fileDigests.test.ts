import { expect, it } from 'vitest';

import { FileDigests } from '../../../../../engine/postgres/physical/base/fileDigests';

const file = (path: string, size = 1, checksum = 'aa') => ({ path, size, checksum });

it('Files that came are those that the manifest names, in whatever order', () => {
	const digests = new FileDigests();
	const paths = Array.from({ length: 10_000 }, (_, index) => `base/5/${index}`);
	paths.forEach((path) => digests.add(file(path)));
	paths.toReversed().forEach((path) => digests.name(file(path)));
	expect([digests.differences, digests.differing]).toEqual([0, []]);
});

it.each([
	['of another size', file('b', 2)],
	['of another checksum', file('b', 1, 'ab')],
	['of another name', file('c')],
])('A file %s is told by the name that the manifest has', (_, came) => {
	const digests = new FileDigests();
	[file('a'), came].forEach((one) => digests.add(one));
	[file('a'), file('b')].forEach((one) => digests.name(one));
	expect([digests.differences, digests.differing]).toEqual([1, ['b']]);
});

it('A file that came and is not named, or came once and is named twice, is counted', () => {
	const more = new FileDigests();
	[file('a'), file('b')].forEach((one) => more.add(one));
	more.name(file('a'));
	expect([more.differences, more.differing]).toEqual([1, []]);
	const twice = new FileDigests();
	twice.add(file('a'));
	[file('a'), file('a')].forEach((one) => twice.name(one));
	expect([twice.differences, twice.differing]).toEqual([1, ['a']]);
});

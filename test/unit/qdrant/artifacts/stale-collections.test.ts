import { expect, it } from 'vitest';

import {
	describeStaleCollections,
	isNamedBySwap,
	ofTarget,
} from '../../../../engine/qdrant/artifacts/staleCollections';

const copy = 'docs_before_20260131_020000';

it('of a server that keeps no metadata, a backup names every alias that points at a copy', () => {
	const one = { collection: copy, isMarked: false, points: 3, redirected: undefined, aliases: ['live'] };
	for (const version of ['1.9.2', '1.15.5', 'v1.10.0']) {
		expect(describeStaleCollections([one], version)).toEqual([
			expect.stringContaining(`The alias live points at ${copy}`),
		]);
	}
	// There somebody has pointed it at the copy on purpose.
	for (const version of ['1.16.3', '1.20.0', '2.0.0']) expect(describeStaleCollections([one], version)).toEqual([]);
});

it('an alias that the note does not name is none of a safe swap', () => {
	const redirected = { of: 'docs', aliases: ['live'] };
	const one = { collection: copy, isMarked: false, points: 3, redirected, aliases: ['audit', 'live'] };
	expect(describeStaleCollections([one], '1.16.3')).toEqual([
		expect.stringMatching(/^The alias live points at .* a safe swap of docs has put it/),
	]);
});

it('names what may be left of restores into a collection, and of no other', () => {
	const own = ['docs', copy, `${copy}_2`, 'docs_trial_20260131_020000', 'docs_20260131_020000'];
	const others = ['docs_2', 'docs_before_the_war', 'my_docs', 'docsx_before_20260131_020000'];
	expect(ofTarget('docs', [...own, ...others])).toEqual(own);
	expect([...own, ...others].filter(isNamedBySwap)).toEqual([...own.slice(1), others[3]]);
});

it('tells what each collection of a safe swap that was cut off is for, by its name', () => {
	const describe = (collection: string) =>
		describeStaleCollections(
			[{ collection, isMarked: true, points: 0, redirected: undefined, aliases: [] }],
			'1.16.3',
		)[0];
	expect(describe('docs_trial_20260131_020000')).toMatch(/staging collection .* can be deleted/);
	expect(describe(`${copy}_2`)).toMatch(/incomplete copy of the old data of docs,/);
	expect(describe('docs')).toMatch(/may be incomplete: the restore that fills it/);
});

import { expect, it } from 'vitest';

import { describeRemnants, isNamedBySwap, ofTarget } from '../../../../engine/qdrant/artifacts/staleCollections';

const copy = 'docs_before_20260131_020000';

it('of a server that keeps no metadata, a backup names every alias that points at a copy', () => {
	const remnant = { collection: copy, isMarked: false, points: 3, parked: undefined, aliases: ['live'] };
	for (const version of ['1.9.2', '1.15.5', 'v1.10.0']) {
		expect(describeRemnants([remnant], version)).toEqual([expect.stringContaining(`The alias live points at ${copy}`)]);
	}
	// There somebody has pointed it at the copy on purpose.
	for (const version of ['1.16.3', '1.20.0', '2.0.0']) expect(describeRemnants([remnant], version)).toEqual([]);
});

it('an alias that the note does not name is none of a safe swap', () => {
	const parked = { of: 'docs', aliases: ['live'] };
	const remnant = { collection: copy, isMarked: false, points: 3, parked, aliases: ['audit', 'live'] };
	expect(describeRemnants([remnant], '1.16.3')).toEqual([
		expect.stringMatching(/^The alias live points at .* a safe swap of docs has put it/),
	]);
});

it('names what may be left of restores into a collection, and of no other', () => {
	const own = ['docs', copy, `${copy}_2`, 'docs_trial_20260131_020000', 'docs_20260131_020000'];
	const others = ['docs_2', 'docs_before_the_war', 'my_docs', 'docsx_before_20260131_020000'];
	expect(ofTarget('docs', [...own, ...others])).toEqual(own);
	expect([...own, ...others].filter(isNamedBySwap)).toEqual([...own.slice(1), others[3]]);
});

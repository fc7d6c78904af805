import { expect, it } from 'vitest';

import { SharedFacts } from '../../../../engine/archive/catalog/shared-facts';
import { smallBackup } from '../../../bench/small-backups';

it('holds once what manifests have in common, and changes nothing of what they say', () => {
	const facts = new SharedFacts();
	const manifests = [0, 1, 50].map((index) => smallBackup(index).manifest);
	const held = manifests.map((manifest) => facts.of(structuredClone(manifest)));
	expect(held).toEqual(manifests);
	for (const member of ['source', 'tool', 'codec', 'options'] as const) {
		expect(held[1]![member]).toBe(held[0]![member]);
		expect(held[2]![member]).toBe(held[0]![member]);
	}
});

it('takes no name for the text of something else', () => {
	const { manifest } = smallBackup(0);
	const named = { ...manifest, name: JSON.stringify(manifest.source) };
	expect(new SharedFacts().of(named)).toEqual(named);
	const facts = new SharedFacts();
	facts.of({ ...manifest, name: '[]' });
	expect(facts.of({ ...manifest, name: '[]', tags: [] })).toMatchObject({ name: '[]', tags: [] });
});

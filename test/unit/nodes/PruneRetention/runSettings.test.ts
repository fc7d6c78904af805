import { describe, expect, it } from 'vitest';

import { failsOnRefusal, prefixesOf, runSettings } from '../../../../nodes/PruneRetention/runSettings';
import { refusal, withFields } from './support';

const settingsOf = (options: unknown) => runSettings(withFields({ policy: '7-days', options }), 0);
const foldersOf = (folders: unknown) => settingsOf({ folders }).folders;

describe('what a run is over', () => {
	it('is the whole storage, in UTC, with orphans and without what is not proven, where nothing else was said', () => {
		const settings = settingsOf({});
		expect(settings).toMatchObject({ timeZone: 'UTC', folders: ['/'], removeOrphans: true, removeUnproven: false });
		expect(prefixesOf(settings)).toEqual([]);
	});

	it('are folders, chosen or written', () => {
		expect(foldersOf(['postgres/', 'weekly/'])).toEqual(['postgres/', 'weekly/']);
		expect(foldersOf(' /postgres, qdrant/old/ ')).toEqual(['postgres/', 'qdrant/old/']);
		expect(prefixesOf(settingsOf({ folders: ['postgres/'] }))).toEqual(['postgres/']);
		expect(prefixesOf(settingsOf({ folders: ['postgres/', '/'] }))).toEqual([]);
	});

	it('is the same again when its own output is given', () => {
		for (const folders of [undefined, ['qdrant/']]) {
			const first = settingsOf(folders ? { folders } : {});
			const { timeZone, removeOrphans, removeUnproven } = first;
			expect(settingsOf({ folders: first.folders, timeZone, removeOrphans, removeUnproven })).toEqual(first);
		}
	});

	it.each([[[]], [''], [' , '], [undefined], [null]])('is not the whole storage where folders are %j', (folders) => {
		expect(() => foldersOf(folders)).toThrow(refusal('Folders is empty'));
	});

	it.each([[5], [{}], [[5]]])('is refused where folders are %j', (folders) => {
		expect(() => foldersOf(folders)).toThrow(refusal('Folders is '));
	});

	it.each([{ removeUnproven: 'yes' }, { removeOrphans: null }, { timeZone: {} }])('is refused for %j', (options) => {
		expect(() => settingsOf(options)).toThrow(refusal(' is '));
	});
});

it('fails on a refusal unless it is told to put it out', () => {
	const fails = (options: unknown) => failsOnRefusal(withFields({ options }), 0);
	expect([{}, { onRefusal: 'fail' }, { onRefusal: 'putOut' }].map(fails)).toEqual([true, true, false]);
	expect(() => fails({ onRefusal: '' })).toThrow(refusal('On Refusal is ""'));
});

import { expect, it } from 'vitest';

import { BackupError } from '../../../../engine/errors';
import {
	assertCollectionConfirmed,
	collectionName,
	deleteServerSnapshot,
	listServerSnapshots,
	type RestoreCollectionTarget,
} from '../../../../engine/qdrant';
import { selectCollections } from '../../../../engine/qdrant/server/select';

const notText = [5, 0, NaN, true, ['docs'], { a: 1 }, null, undefined];
const refused = [
	'',
	'.',
	'..',
	'../docs',
	'a/b',
	'a\\b',
	'a:b',
	'a*',
	'a?',
	'<a>',
	'a|b',
	'"',
	'a\nb',
	'a\0',
	'a\ud800',
];

it.each(['docs', 'a b', ' ', 'Größe 😀', '5', '...', '%2e%2e', "it's #1 & more", 'é'.repeat(127)])(
	'takes the name %j as it is',
	(name) => expect(collectionName(name)).toBe(name),
);

it.each([...notText, ...refused, 'é'.repeat(128), 'x'.repeat(256)])('refuses the name %j', (name) => {
	expect(codeOf(() => collectionName(name))).toBe('INVALID_INPUT');
	const target = { type: 'newCollection', collection: name } as RestoreCollectionTarget;
	expect(codeOf(() => assertCollectionConfirmed(target))).toBe('INVALID_INPUT');
});

it('says what it has got instead of a text', () => {
	expect(() => collectionName(5)).toThrow("A collection's name is the number 5, not a text");
	expect(() => collectionName(['docs'], 'The collection')).toThrow('The collection is an array, not a text');
	expect(() => collectionName(undefined)).toThrow('is missing');
	expect(() => collectionName('a/b')).toThrow('("a/b") holds "/"');
});

it('takes no number or array for a confirmation', () => {
	const confirmed = (confirmation: unknown) =>
		codeOf(() => assertCollectionConfirmed({ type: 'existing', collection: '5', confirmation } as never));
	expect([5, ['5'], '6', '', undefined, '5'].map(confirmed)).toEqual([
		'INVALID_INPUT',
		'INVALID_INPUT',
		'NOT_CONFIRMED',
		'NOT_CONFIRMED',
		'NOT_CONFIRMED',
		undefined,
	]);
});

it('takes texts alone for the selection of a backup', () => {
	const select = (selection: object) => codeOf(() => selectCollections(['5', 'docs'], selection));
	expect(select({ names: [5] })).toBe('INVALID_INPUT');
	expect(select({ names: ['..'] })).toBe('INVALID_INPUT');
	expect(select({ patterns: [5] })).toBe('INVALID_INPUT');
	expect(select({ exclude: [5] })).toBe('INVALID_INPUT');
});

it('asks no server about snapshots of collections whose names are none', async () => {
	// Nobody listens there: whatever was sent would end otherwise.
	const connection = { url: 'http://127.0.0.1:9' };
	for (const collection of ['..', '', 5 as never]) {
		await expect(listServerSnapshots(connection, [collection])).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		const snapshot = { collection, name: 'docs-1.snapshot' };
		await expect(deleteServerSnapshot(connection, snapshot)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
	}
	for (const name of ['..', '../docs', 5 as never, undefined as never]) {
		await expect(deleteServerSnapshot(connection, { name })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
	}
});

function codeOf(work: () => unknown): string | undefined {
	try {
		work();
		return undefined;
	} catch (error) {
		return error instanceof BackupError ? error.code : String(error);
	}
}

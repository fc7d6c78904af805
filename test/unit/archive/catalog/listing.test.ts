import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { KeyTable } from '../../../../engine/archive/catalog/key-table';
import { ArchiveListing } from '../../../../engine/archive/catalog/listing';
import type { StoredObject } from '../../../../engine/storage';

/** Any text that a storage may have as a key: whole characters, of one byte and of several. */
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 });
/** Few of them, so that they come again. */
const someOf = fc.uniqueArray(text, { minLength: 1, maxLength: 12 });

describe('a table of keys', () => {
	it('numbers keys as a Map would, whatever they are', () => {
		fc.assert(
			fc.property(fc.array(text, { maxLength: 60 }), fc.array(text, { maxLength: 20 }), (keys, others) => {
				const table = new KeyTable();
				const model = new Map<string, number>();
				for (const key of [...keys, ...keys]) {
					if (!model.has(key)) model.set(key, model.size);
					expect(table.add(key)).toBe(model.get(key));
				}
				expect(table.size).toBe(model.size);
				for (const [key, number] of model) expect([table.find(key), table.keyAt(number)]).toEqual([number, key]);
				for (const key of others) expect(table.find(key)).toBe(model.get(key));
			}),
		);
	});

	it('finds each of many, also those of which one begins with another', () => {
		const table = new KeyTable();
		const keys = Array.from({ length: 20_000 }, (_, index) => `postgres/shop_${index}${'.sql'.repeat(index % 3)}`);
		expect(keys.map((key) => table.add(key))).toEqual(keys.map((_key, index) => index));
		expect(keys.map((key) => table.find(key))).toEqual(keys.map((_key, index) => index));
		expect(keys.map((_key, index) => table.keyAt(index))).toEqual(keys);
		expect([table.find('postgres/shop_'), table.find('postgres/shop_20000')]).toEqual([undefined, undefined]);
	});
});

/** What a listing tells of an archive, as plain objects. */
interface Model {
	size?: number;
	modifiedAt: number;
	sharedAs?: string;
	manifestSize?: number;
	manifestModifiedAt: number;
	manifestEtag?: string;
	recordSize?: number;
	recordModifiedAt: number;
	kept?: string;
}

const SUFFIXES = ['', '.manifest.json', '.verification.json'] as const;

const objectsOf = (keys: string[]) =>
	fc.array(
		fc.record({
			place: fc.record({ key: fc.constantFrom(...keys), suffix: fc.constantFrom(...SUFFIXES) }),
			size: fc.nat(2 ** 40),
			time: fc.date({ min: new Date(0), noInvalidDate: true }),
			etag: fc.option(fc.string(), { nil: undefined }),
			sharedAs: fc.option(fc.string(), { nil: undefined }),
		}),
		{ maxLength: 40 },
	);

function takeIntoModel(model: Map<string, Model>, key: string, suffix: string, object: StoredObject): void {
	const one = model.get(key) ?? { modifiedAt: 0, manifestModifiedAt: 0, recordModifiedAt: 0 };
	model.set(key, one);
	const time = object.modifiedAt.getTime();
	if (suffix === '.manifest.json') {
		Object.assign(one, { manifestSize: object.size, manifestModifiedAt: time });
		if (object.etag !== undefined) one.manifestEtag = object.etag;
	} else if (suffix === '.verification.json') Object.assign(one, { recordSize: object.size, recordModifiedAt: time });
	else {
		Object.assign(one, { size: object.size, modifiedAt: time });
		if (object.sharedAs !== undefined) one.sharedAs = object.sharedAs;
	}
}

describe('a listing', () => {
	it('tells of each archive what was listed of it, in whatever order it came', () => {
		const given = someOf.chain((keys) => fc.tuple(fc.constant(keys), objectsOf(keys)));
		fc.assert(
			fc.property(given, ([keys, objects]) => {
				const listing = new ArchiveListing<string>();
				const model = new Map<string, Model>();
				for (const { place, size, time, etag, sharedAs } of objects) {
					const { key, suffix } = place;
					const more = { ...(etag !== undefined && { etag }), ...(sharedAs !== undefined && { sharedAs }) };
					const object = { key: key + suffix, size, modifiedAt: time, ...more };
					listing.take(object);
					takeIntoModel(model, key, suffix, object);
				}
				for (const key of keys.slice(0, 3)) {
					listing.get(key)?.keep(`kept of ${key}`);
					const one = model.get(key);
					if (one) one.kept = `kept of ${key}`;
				}
				expect(listing.size).toBe(model.size);
				expect(Array.from(listing, ({ key }) => key)).toEqual([...model.keys()]);
				for (const key of keys) {
					expect(listing.has(key)).toBe(model.has(key));
					const listed = listing.get(key);
					const told = listed && {
						key: listed.key,
						size: listed.size,
						modifiedAt: listed.modifiedAt,
						sharedAs: listed.sharedAs,
						manifestSize: listed.manifestSize,
						manifestModifiedAt: listed.manifestModifiedAt,
						manifestEtag: listed.manifestEtag,
						recordSize: listed.recordSize,
						recordModifiedAt: listed.recordModifiedAt,
						kept: listed.kept,
					};
					expect(told).toEqual(model.has(key) ? { key, ...model.get(key) } : undefined);
				}
			}),
		);
	});

	it('notes of each archive by itself that it is known, and that there is a line of it', () => {
		const listing = new ArchiveListing<never>();
		for (const key of ['a', 'b', 'c']) listing.take({ key, size: 0, modifiedAt: new Date(0) });
		listing.get('a')?.noteKnown();
		listing.get('b')?.noteLine();
		const notes = Array.from(listing, ({ isKnown, hasLine, size }) => [isKnown, hasLine, size]);
		expect(notes).toEqual([
			[true, false, 0],
			[false, true, 0],
			[false, false, 0],
		]);
	});
});

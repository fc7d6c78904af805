import { Readable } from 'node:stream';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { splitJson } from '../../../../engine/n8n/workflows/split';

const LIMITS = { element: 1000, depth: 10 };

async function split(text: string | Buffer, piece = 7, limits = LIMITS): Promise<unknown[]> {
	const bytes = Buffer.from(text);
	const pieces = Array.from({ length: Math.ceil(bytes.length / piece) }, (_, index) =>
		bytes.subarray(index * piece, (index + 1) * piece),
	);
	const found: unknown[] = [];
	for await (const element of splitJson(Readable.from(pieces), 'file', limits)) {
		found.push(JSON.parse(element.toString()));
	}
	return found;
}

describe('JSON that is cut into its elements', () => {
	it('gives back the elements of any list of objects, however it is cut and spaced', async () => {
		const list = fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { noNullPrototype: true }));
		await fc.assert(
			fc.asyncProperty(list, fc.integer({ min: 1, max: 50 }), fc.constantFrom(0, 2), async (objects, piece, space) => {
				const limits = { element: 1_000_000, depth: 50 };
				const text = JSON.stringify(objects, null, space);
				expect(await split(text, piece, limits)).toEqual(JSON.parse(text));
			}),
		);
	});

	it.each(['[]', ' [ ] \n', '\ufeff[]'])('takes an empty list: %j', async (text) => {
		expect(await split(text)).toEqual([]);
	});

	it('takes a single object, with a byte order mark', async () => {
		expect(await split('\ufeff {"a": "]}\\"{"}\n')).toEqual([{ a: ']}"{' }]);
	});

	it('does not use memory that its source may use again', async () => {
		const chunk = Buffer.from('[{"a":1},{"b":');
		const source = async function* () {
			yield chunk;
			chunk.fill(0x20);
			yield Buffer.from('2}]');
		};
		const found: string[] = [];
		for await (const element of splitJson(source(), 'file', LIMITS)) found.push(element.toString());
		expect(found).toEqual(['{"a":1}', '{"b":2}']);
	});

	it.each(['', '  ', '[', '[{"a":1}', '[{"a":1},', '{"a":1', '[{"a":"'])(
		'says that it ends too early: %j',
		async (text) => {
			await expect(split(text)).rejects.toMatchObject({ code: 'ARCHIVE_INCOMPLETE' });
		},
	);

	it.each(['[{}] x', '[{}{}]', '{} ]', '[{}]]'])('says that it is damaged: %j', async (text) => {
		await expect(split(text)).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
	});

	it.each(['[1]', 'null', '"text"', '[[]]', '[,{}]', '[{},]', '[{},1]'])(
		'takes nothing but objects: %j',
		async (text) => {
			await expect(split(text)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		},
	);

	it('names the command for a table of export:entities', async () => {
		const error: unknown = await split('{"id":1}\n{"id":2}\n').catch((caught: unknown) => caught);
		expect(error).toMatchObject({ code: 'INVALID_INPUT' });
		expect((error as { hint: string }).hint).toContain('import:entities');
	});

	it('refuses what is too deep, and what is too long for one element, without reading on', async () => {
		await expect(split(`[{"a":${'['.repeat(20)}`)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		let read = 0;
		const endless = async function* () {
			yield Buffer.from('[{"a":"');
			for (;;) {
				read += 100;
				yield Buffer.alloc(100, 'x');
			}
		};
		const reading = async () => {
			for await (const element of splitJson(endless(), 'file', LIMITS)) void element;
		};
		await expect(reading()).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		expect(read).toBeLessThanOrEqual(1100);
	});
});

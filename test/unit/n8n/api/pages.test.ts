import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { AnswerTooLong } from '../../../../engine/n8n/api/failure';
import { type AskPage, entriesOf } from '../../../../engine/n8n/api/pages';

interface Entry {
	id: string;
}

/** A server that lists by id, with cursors as those of n8n 2.41.3, and what happens before each of its answers. */
function server(ids: string[], before: (page: number, ids: string[]) => void = () => {}) {
	let pages = 0;
	const ask: AskPage<Entry> = async ({ limit, cursor }) => {
		before(pages++, ids);
		const asked = cursor === undefined ? { offset: 0, limit: Number(limit) } : decoded(cursor);
		const data = ids.toSorted().slice(asked.offset, asked.offset + asked.limit);
		const next = asked.offset + asked.limit;
		const nextCursor = ids.length > next ? encoded({ limit: asked.limit, offset: next }) : null;
		return { data: data.map((id) => ({ id })), nextCursor };
	};
	return { ask, pages: () => pages };
}

function decoded(cursor: string): { limit: number; offset: number } {
	return JSON.parse(Buffer.from(cursor, 'base64').toString()) as { limit: number; offset: number };
}

function encoded(value: unknown): string {
	return Buffer.from(JSON.stringify(value)).toString('base64');
}

const names = (count: number) => Array.from({ length: count }, (_, index) => `w${String(index).padStart(5, '0')}`);

async function listed(ask: AskPage<Entry>, size = 10): Promise<string[]> {
	const found: string[] = [];
	for await (const { id } of entriesOf(ask, size)) found.push(id);
	return found;
}

describe('lists that come page by page', () => {
	it.each([0, 1, 9, 10, 11, 95])('hands out each of %i entries once', async (count) => {
		expect(await listed(server(names(count)).ask)).toEqual(names(count));
	});

	it('misses nothing where entries are deleted between two pages', async () => {
		const all = names(40);
		const { ask } = server(all.slice(), (page, ids) => {
			if (page === 2) ids.splice(0, 15);
		});
		expect(new Set(await listed(ask))).toEqual(new Set(all));
	});

	it('misses and repeats nothing that is there all the time, whatever comes and goes meanwhile', async () => {
		const change = fc.record({ page: fc.nat(12), at: fc.nat(60), count: fc.nat(30), isNew: fc.boolean() });
		await fc.assert(
			fc.asyncProperty(fc.integer({ min: 0, max: 60 }), fc.array(change, { maxLength: 8 }), async (count, changes) => {
				const all = names(count);
				const staying = new Set(all);
				let made = 0;
				const { ask } = server(all.slice(), (page, ids) => {
					for (const { at, count: many, isNew } of changes.filter((one) => one.page === page)) {
						if (isNew) for (let n = 0; n < many; n++) ids.push(`w${String(at).padStart(5, '0')}-${made++}`);
						else
							for (const gone of ids.toSorted().slice(at, at + many)) {
								staying.delete(gone);
								ids.splice(ids.indexOf(gone), 1);
							}
					}
				});
				const found = await listed(ask, 5);
				expect(new Set(found).size).toBe(found.length);
				expect([...staying].filter((id) => !found.includes(id))).toEqual([]);
			}),
		);
	});

	it('asks for fewer entries where a page is too long to be read', async () => {
		const { ask } = server(names(30));
		const sizes: string[] = [];
		const limited: AskPage<Entry> = async (query) => {
			sizes.push(query.limit);
			if (Number(query.limit) > 3) throw new AnswerTooLong('too long', { status: 200 });
			return await ask(query);
		};
		expect(await listed(limited, 50)).toEqual(names(30));
		expect(new Set(sizes)).toEqual(new Set(['50', '12', '3']));
	});

	it('follows a cursor of another form as it comes', async () => {
		const pages: Record<string, { data: Entry[]; nextCursor: string | null }> = {
			'': { data: [{ id: 'a' }], nextCursor: 'opaque' },
			opaque: { data: [{ id: 'b' }], nextCursor: null },
		};
		expect(await listed(async ({ cursor = '' }) => pages[cursor]!)).toEqual(['a', 'b']);
	});

	it('ends with an error where a list never ends', async () => {
		const endless: AskPage<Entry> = async () => ({
			data: [{ id: 'a' }],
			nextCursor: encoded({ limit: 10, offset: 10 }),
		});
		await expect(listed(endless)).rejects.toThrow('goes on without end');
	});
});

import { expect, it } from 'vitest';

import type { Manifest, ManifestTable } from '../../../../engine/archive';
import { formatManifest } from '../../../../engine/archive';
import { checkAllCopied, type CopyTask, planCopies } from '../../../../engine/postgres/dump/plan';
import type { TableRows } from '../../../../engine/postgres/dump/sections';

const tables = ['users', 'orders'].map((name) => ({ schema: 'public', name, rows: 0, bytes: 0 }));

const task = (table: number, copied: boolean): CopyTask => {
	return { copies: [{ table, copied, sql: Buffer.alloc(0), header: '', lock: undefined }], weight: 0 };
};

it('lets a backup come into being whose plan was carried out', () => {
	expect(() => checkAllCopied([], tables)).not.toThrow();
	expect(() => checkAllCopied([task(1, true), task(0, true)], tables)).not.toThrow();
});

it('fails a backup of which any step of any table was left out', () => {
	expect(() => checkAllCopied([task(0, true), task(1, true), task(1, false)], tables)).toThrow(
		expect.objectContaining({
			code: 'SOURCE_FAILED',
			message: 'The rows of public.orders were not read (1 of 3 steps left undone).',
		}) as Error,
	);
});

/** The plan for tables of so many pages each. */
function planned(pages: number[], ordered = false, kind = 'r'): { tasks: CopyTask[]; tables: ManifestTable[] } {
	const names = pages.map((_, index) => `table_${index}_of_the_application`);
	const reads: TableRows[] = names.map((table) => ({
		read: { columns: ['id'], table: `public.${table}`, filter: '' },
		header: `COPY public.${table} (id) FROM stdin;\n`,
	}));
	const entries = new Map(
		reads.map(({ read }, index) => {
			const name = names[index] as string;
			return [read, { schema: 'public', name, kind, heap: true, pages: pages[index] as number }];
		}),
	);
	const found: ManifestTable[] = [];
	return { tasks: planCopies(180_000, reads, entries, found, ordered), tables: found };
}

const sizesOf = (tasks: CopyTask[]): number[] => tasks.map(({ copies }) => copies.length);
const tablesOf = (tasks: CopyTask[]): number[] => tasks.flatMap(({ copies }) => copies.map(({ table }) => table));

it('reads each table by itself where small ones are not many, or nothing says that they are small', async () => {
	expect(sizesOf(planned(Array<number>(256).fill(1)).tasks)).toEqual(Array(256).fill(1));
	expect(sizesOf(planned(Array<number>(400).fill(0), false, 'f').tasks)).toEqual(Array(400).fill(1));
	expect(sizesOf(planned(Array<number>(400).fill(17)).tasks)).toEqual(Array(400).fill(1));
});

it('reads many small tables together, up to 1 MiB and 200 of them, and each table once', async () => {
	const pages = Array.from({ length: 1000 }, (_, index) => (index % 100 === 7 ? 1000 + index : 1));
	const { tasks } = planned(pages);
	expect(sizesOf(tasks)).toEqual([...Array<number>(10).fill(1), ...Array<number>(7).fill(128), 94]);
	expect(tablesOf(tasks).slice(0, 10)).toEqual([907, 807, 707, 607, 507, 407, 307, 207, 107, 7]);
	expect(tablesOf(tasks).sort((a, b) => a - b)).toEqual(pages.map((_, index) => index));
	expect(sizesOf(planned(Array<number>(500).fill(0)).tasks)).toEqual([200, 200, 100]);
	for (const { copies, weight } of planned(Array<number>(500).fill(16)).tasks)
		expect([copies.length, weight]).toEqual(copies.length === 4 ? [4, 64] : [8, 128]);
});

it('keeps the order of tables that have one', async () => {
	const pages = Array.from({ length: 600 }, (_, index) => (index === 300 ? 5000 : 1));
	const { tasks } = planned(pages, true);
	expect(tablesOf(tasks)).toEqual(pages.map((_, index) => index));
	expect(sizesOf(tasks)).toEqual([128, 128, 44, 1, 128, 128, 43]);
});

it('makes a manifest that grows by the entries of small tables alone, and not by frames', async () => {
	const { tasks, tables: found } = planned(Array<number>(100_000).fill(1));
	const frame = { offset: 123_456_789, length: 1_048_576, rawLength: 1_048_576, sha256: 'ab'.repeat(32) };
	const parts = tasks.map(({ copies }) => {
		return { type: 'tables', ...frame, tables: copies.map(({ table }) => table), rows: 1000 };
	});
	const manifest = { formatVersion: 2, tables: found, parts, file: 'a.sql.zst' } as unknown as Manifest;
	const entries = found.reduce((sum, entry) => sum + JSON.stringify(entry).length + '    ,\n'.length, 0);
	expect(formatManifest(manifest).length).toBeLessThan(entries + 1024 * 1024);
});

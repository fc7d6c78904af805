import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';

import { combine, writeManifest } from '../../../../../engine/postgres/physical/recover/combine';
import { FolderStorage } from '../../../../../engine/storage';
import { removeFolder, temporaryFolder } from '../../../../services/guard';
import { manifestOf, storeBase, type MadeBase, type Member } from './base-archive';

const BLOCK = 8192;
const LABEL = 'START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\nSTART TIMELINE: 1\n';
const FROM = 'INCREMENTAL FROM LSN: 0/1000028\nINCREMENTAL FROM TLI: 1\n';
const CONTROL: Member = { name: 'global/pg_control', content: 'control' };

const folder = temporaryFolder('combine');
afterAll(() => removeFolder(folder));
let runs = 0;

/** Puts base backups together, the oldest first; answers the folder of the data directory. */
async function combined(...bases: MadeBase[]): Promise<string> {
	const place = join(folder, String(runs++));
	mkdirSync(join(place, 'draft'), { recursive: true });
	const storage = new FolderStorage({ root: join(place, 'storage') });
	const readers = [];
	for (const base of bases) readers.push(await storeBase(storage, base));
	const combined = await combine({ readers, folder: join(place, 'draft'), blockBytes: BLOCK });
	await writeManifest(combined, readers.at(-1)!);
	return combined.draft.path;
}

const full = (...members: Member[]): MadeBase => ({
	members: [{ name: 'backup_label', content: LABEL }, ...members, CONTROL],
});
const increment = (...members: Member[]): MadeBase => ({
	members: [{ name: 'backup_label', content: LABEL + FROM }, ...members, CONTROL],
});

/** The content of `INCREMENTAL.<name>` as PostgreSQL writes it. */
function changes(blocks: ReadonlyMap<number, Buffer>, truncationLength: number): Buffer {
	const numbers = [...blocks.keys()].sort((a, b) => a - b);
	const header = Buffer.alloc(12 + 4 * numbers.length);
	header.writeUInt32LE(0xd3ae1f0d, 0);
	header.writeUInt32LE(numbers.length, 4);
	header.writeUInt32LE(truncationLength, 8);
	numbers.forEach((number, index) => header.writeUInt32LE(number, 12 + 4 * index));
	const padding = numbers.length === 0 ? 0 : (BLOCK - (header.length % BLOCK)) % BLOCK;
	return Buffer.concat([header, Buffer.alloc(padding), ...numbers.map((number) => blocks.get(number)!)]);
}

const block = (fill: number) => Buffer.alloc(BLOCK, fill);

/** All files by name, but the ones that are about the backup itself. */
function filesIn(root: string): Record<string, Buffer> {
	const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
		statSync(join(root, name)).isFile(),
	);
	const own = new Set(['backup_label', 'backup_manifest', 'global/pg_control']);
	const wanted = names.filter((name) => !own.has(name)).sort();
	return Object.fromEntries(wanted.map((name) => [name, readFileSync(join(root, name))]));
}

describe('a base backup and its increments', () => {
	test('give the files of the newest one, whatever was changed, cut, extended, dropped and made between them', async () => {
		// A relation is a list of blocks, each a byte that fills it; 0 is one that was never written.
		const relation = fc.array(fc.integer({ min: 0, max: 250 }), { maxLength: 6 });
		const step = fc.record({
			cutTo: fc.nat(6),
			changed: fc.array(fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 250 })), { maxLength: 4 }),
			how: fc.constantFrom('increment', 'increment', 'whole', 'drop'),
		});
		const history = fc.tuple(relation, fc.array(step, { minLength: 1, maxLength: 3 }));
		await fc.assert(
			fc.asyncProperty(fc.array(history, { minLength: 1, maxLength: 4 }), async (relations) => {
				const bytes = (blocks: number[]) => Buffer.concat(blocks.map(block));
				const name = (index: number) => `base/5/${16384 + index}`;
				const states: (number[] | undefined)[] = relations.map(([first]) => first);
				const bases = [full(...states.map((blocks, index) => ({ name: name(index), content: bytes(blocks!) })))];
				for (let at = 0; at < 3; at++) {
					const members = relations.flatMap(([, steps], index): Member[] => {
						const next = steps[at % steps.length]!;
						const before = states[index];
						if (next.how === 'drop') {
							states[index] = undefined;
							return [];
						}
						const cut = Math.min(next.cutTo, before?.length ?? 0);
						const now = (before ?? []).slice(0, cut);
						for (const [number, fill] of next.changed) {
							while (now.length <= number) now.push(0);
							now[number] = fill;
						}
						states[index] = now;
						if (next.how === 'whole' || before === undefined) return [{ name: name(index), content: bytes(now) }];
						const stored = new Map(next.changed.map(([number]) => [number, block(now[number]!)]));
						return [{ name: `base/5/INCREMENTAL.${16384 + index}`, content: changes(stored, cut) }];
					});
					bases.push(increment(...members));
				}
				const root = await combined(...bases);
				const expected = states.flatMap((blocks, index) => (blocks ? [[name(index), bytes(blocks)] as const] : []));
				expect(filesIn(root)).toEqual(Object.fromEntries(expected));
			}),
			{ numRuns: 12 },
		);
	});

	test('are made longer with zeros up to the length that they were never cut below', async () => {
		const root = await combined(
			full({ name: 'base/5/1', content: block(1) }),
			increment({ name: 'base/5/INCREMENTAL.1', content: changes(new Map(), 3) }),
		);
		expect(filesIn(root)['base/5/1']).toEqual(Buffer.concat([block(1), block(0), block(0)]));
	});

	test('can be read by their owner alone, and have the folders that were empty', async () => {
		const root = await combined(full({ name: './pg_wal/archive_status/', type: 'directory' }, { name: 'base/5/1' }));
		expect(statSync(join(root, 'pg_wal/archive_status')).mode & 0o777).toBe(0o700);
		expect(statSync(join(root, 'base')).mode & 0o777).toBe(0o700);
		expect(statSync(join(root, 'base/5/1')).mode & 0o777).toBe(0o600);
	});

	test('have a label from which a server starts, and nothing that makes it a standby or leads to other folders', async () => {
		const signals = ['standby.signal', 'recovery.signal', 'tablespace_map'].map((name) => ({ name, content: name }));
		const root = await combined(full(...signals), increment(...signals));
		expect(readFileSync(join(root, 'backup_label'), 'utf8')).toBe(LABEL);
		expect(filesIn(root)).toEqual({});
		expect(readFileSync(join(root, 'backup_manifest'), 'utf8')).not.toMatch(/signal|tablespace_map|INCREMENTAL/);
	});
});

describe('an archive that PostgreSQL did not make', () => {
	const outside = join(folder, 'outside');
	const refused = async (what: RegExp, ...bases: MadeBase[]) => {
		await expect(combined(...bases)).rejects.toMatchObject({
			code: 'ARCHIVE_CORRUPT',
			message: expect.stringMatching(what),
		});
	};

	test.each([
		['leads upwards', '../outside'],
		['begins at the root', '/etc/outside'],
		['leads upwards on its way', 'base/../../outside'],
		['has an empty part', 'base//5'],
		['has a dot for a part', 'base/./5'],
		['has a backslash', 'back\\slash'],
		['is too long', 'x'.repeat(5000)],
	])('is refused for a name that %s', async (_, name) => {
		await refused(/which no data directory has/, full({ name, content: 'x' }));
	});

	test('is refused for links, and nothing is written through one that stands there', async () => {
		writeFileSync(outside, 'untouched');
		for (const type of ['symlink', 'link'] as const) {
			const link = { name: 'base/link', type, target: outside };
			await refused(/neither a file nor a folder/, full(link, { name: 'base/link', content: 'x' }));
		}
		expect(readFileSync(outside, 'utf8')).toBe('untouched');
	});

	test('is refused where the backup_manifest says something else of a file', async () => {
		await refused(
			/content of base\/1 is not what/,
			full({ name: 'base/1', content: 'x', listed: { sha256: 'ab'.repeat(32) } }),
		);
		await refused(/has not the size/, full({ name: 'base/1', content: 'x', listed: { size: 2 } }));
		await refused(/is not in its place/, full({ name: 'base/1', content: 'x', listed: false }));
		await refused(/is not in its place/, full({ name: 'base/1', listed: { path: 'base/2' } }));
		const { members } = full();
		await refused(/lacks global\/pg_control/, { members: members.slice(0, -1), forge: () => manifestOf(members) });
	});

	test('is refused where a name is there twice, or lies in a file', async () => {
		await refused(/is in it twice/, full({ name: 'base/1' }, { name: 'base/1' }));
		await refused(/lies in what is no folder|is in it twice/, full({ name: 'base' }, { name: 'base/1' }));
		const twice = { name: 'base/1', content: block(1) };
		await refused(
			/twice/,
			full(twice),
			increment({ name: 'base/INCREMENTAL.1', content: changes(new Map(), 1) }, twice),
		);
	});

	test('is refused where it changes a file that is not there', async () => {
		const change = { name: 'base/INCREMENTAL.1', content: changes(new Map([[0, block(2)]]), 1) };
		await refused(/is not in the backup before/, full(), increment(change));
	});

	test.each([
		['another beginning', Buffer.from('not a magic number')],
		['a size that is wrong', Buffer.concat([changes(new Map([[1, block(1)]]), 1), block(2)])],
		['more blocks than it holds', changes(new Map([[1, block(1)]]), 1).subarray(0, BLOCK)],
		['no header', Buffer.alloc(5)],
		['blocks in disorder', disordered()],
	])('is refused for an increment with %s', async (_, content) => {
		const base = full({ name: 'base/1', content: block(9) });
		await refused(/increment of base\/1 is damaged/, base, increment({ name: 'base/INCREMENTAL.1', content }));
	});

	test('is refused without a label, or with one that is none', async () => {
		await refused(/backup_label/, { members: [CONTROL] });
		await refused(/backup_label/, { members: [{ name: 'backup_label', content: 'x' }, CONTROL] });
	});
});

function disordered(): Buffer {
	const content = changes(
		new Map([
			[1, block(1)],
			[2, block(2)],
		]),
		1,
	);
	content.writeUInt32LE(2, 12);
	content.writeUInt32LE(1, 16);
	return content;
}

/** A restore into a file system that takes `a` and `A` for one. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, it } from 'vitest';

import { temporaryStorage } from '../../integration/archive/support';
import { backUp, folder, restore } from '../../integration/files/stage';
import { caseless } from '../../services/caseless';

/** Small and large files are written in two ways. */
const LARGE = 'x'.repeat(1024 * 1024 + 1);

function filled(contents: Record<string, string>): string {
	const root = folder();
	for (const [name, content] of Object.entries(contents)) {
		mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
		writeFileSync(path.join(root, name), content);
	}
	return root;
}

const FALLS = { code: 'TARGET_EXISTS', message: expect.stringMatching(/takes the two for one/) as string };

it.each([
	['small files', { Makefile: 'one', makefile: 'two', other: 'three' }],
	['large files', { Makefile: `${LARGE}1`, makefile: `${LARGE}2`, other: 'three' }],
])('overwrites none of two %s whose names differ in case alone, and says so', async (_, contents) => {
	const { storage } = temporaryStorage();
	const manifest = await backUp(storage, filled(contents));
	for (const existing of ['overwrite', 'fail'] as const) {
		const root = caseless();
		// Also where it is run again.
		await expect(restore(storage, manifest, root, { existing })).rejects.toMatchObject(FALLS);
		const [kept] = readdirSync(root).filter((name) => name.toLowerCase() === 'makefile');
		expect(Object.values(contents).slice(0, 2)).toContain(readFileSync(path.join(root, kept!), 'utf8'));
		await expect(restore(storage, manifest, root, { existing })).rejects.toMatchObject({ code: 'TARGET_EXISTS' });
		const rest = await restore(storage, manifest, root, { existing: 'skip' });
		expect(rest).toMatchObject({ skipped: 1 });
		const without = { exclude: ['makefile'] };
		await restore(storage, manifest, caseless(), { existing, choices: without });
	}
});

it('leaves a file that is there for one entry as it is when another one falls together with it', async () => {
	const { storage } = temporaryStorage();
	const manifest = await backUp(storage, filled({ Makefile: 'one', makefile: 'two' }));
	const root = caseless();
	await restore(storage, manifest, root, { choices: { exclude: ['makefile'] } });
	await expect(restore(storage, manifest, root, { existing: 'overwrite' })).rejects.toMatchObject(FALLS);
	expect(readFileSync(path.join(root, 'Makefile'), 'utf8')).toBe('one');
});

it('overwrites what has the very name', async () => {
	const { storage } = temporaryStorage();
	const manifest = await backUp(storage, filled({ 'Docs/File': 'one', 'b.txt': 'two' }));
	const root = caseless();
	mkdirSync(path.join(root, 'Docs'), { recursive: true });
	writeFileSync(path.join(root, 'Docs/File'), 'old');
	expect(await restore(storage, manifest, root, { existing: 'overwrite' })).toMatchObject({ overwritten: 1 });
	expect(readFileSync(path.join(root, 'Docs/File'), 'utf8')).toBe('one');
	expect(await restore(storage, manifest, root)).toMatchObject({ written: 1, same: 2 });
});

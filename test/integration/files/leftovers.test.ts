import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { verifyBackup } from '../../../engine';
import { findBackup } from '../../../engine/archive';
import { scratchName } from '../../../engine/verify/scratchName';
import { temporaryStorage } from '../archive/support';
import { backUp, folder, restore } from './stage';

const HOUR = 3600_000;
const now = Date.now();

/** Nobody can make a file that was changed yesterday: the test is of tomorrow instead. */
const hoursLater = (hours: number) => vi.spyOn(Date, 'now').mockReturnValue(now + hours * HOUR);

afterEach(() => vi.restoreAllMocks());

function source(): string {
	const root = folder();
	mkdirSync(path.join(root, 'docs/deep'), { recursive: true });
	for (const name of ['a', 'docs/b', 'docs/deep/c']) writeFileSync(path.join(root, name), name);
	return root;
}

describe('what a killed restore has left', () => {
	const partial = (root: string, name: string) => path.join(root, name, '.0123456789ab.partial');

	async function restoredAfter(hours: number) {
		const { storage } = temporaryStorage();
		const manifest = await backUp(storage, source());
		const target = folder();
		mkdirSync(path.join(target, 'docs'));
		mkdirSync(path.join(target, 'others'));
		for (const name of ['', 'docs', 'others']) writeFileSync(partial(target, name), 'half');
		// Names that no restore gives.
		for (const name of ['.0123456789AB.partial', '0123456789ab.partial', '.x.partial']) {
			writeFileSync(path.join(target, name), 'theirs');
		}
		mkdirSync(path.join(target, '.ffffffffffff.partial'));
		hoursLater(hours);
		await restore(storage, manifest, target);
		return target;
	}

	it('goes with a later one, in the folders that it writes to, once nothing has changed there for a day', async () => {
		const target = await restoredAfter(25);
		expect(
			readdirSync(target)
				.filter((name) => name.endsWith('.partial'))
				.sort(),
		).toEqual(['.0123456789AB.partial', '.ffffffffffff.partial', '.x.partial', '0123456789ab.partial']);
		expect(readdirSync(path.join(target, 'docs')).sort()).toEqual(['b', 'deep']);
		expect(existsSync(partial(target, 'others'))).toBe(true);
	});

	it('stays for a day, for it may be what another restore is writing', async () => {
		const target = await restoredAfter(23);
		for (const name of ['', 'docs', 'others']) expect(existsSync(partial(target, name))).toBe(true);
	});
});

describe('what a killed test restore has left', () => {
	let scratch: string;
	let outside: string;

	beforeEach(() => {
		scratch = folder();
		outside = folder();
		writeFileSync(path.join(outside, 'kept'), 'kept');
	});

	async function verifiedAfter(hours: number): Promise<void> {
		const { storage } = temporaryStorage();
		const manifest = await backUp(storage, source());
		const { manifestKey } = await findBackup(storage, { id: manifest.id });
		vi.useFakeTimers({ toFake: ['Date'], now: now + hours * HOUR });
		try {
			const options = { storage, key: manifestKey, level: 'restore' as const, scratch: { files: { folder: scratch } } };
			expect(await verifyBackup(options)).toMatchObject({ verdict: 'passed', reached: 'restore' });
		} finally {
			vi.useRealTimers();
		}
	}

	it('goes with a later one once its name and all of it are older than a day', async () => {
		const old = scratchName(new Date(now - HOUR));
		const young = scratchName(new Date(now + 10 * HOUR));
		const link = scratchName(new Date(now - HOUR));
		const names = [old, young, 'stack_backup_verify_', `${old}0`, `${old}_mine`];
		for (const name of names) mkdirSync(path.join(scratch, name, 'docs'), { recursive: true });
		writeFileSync(path.join(scratch, old, 'docs/b'), 'half');
		symlinkSync(outside, path.join(scratch, old, 'way'));
		symlinkSync(outside, path.join(scratch, link));
		await verifiedAfter(25);
		expect(readdirSync(scratch).sort()).toEqual([...names.slice(1), link].sort());
		expect(readdirSync(outside)).toEqual(['kept']);
	});

	it('stays while anybody may be at work there, whatever its name says', async () => {
		const old = scratchName(new Date(now - 100 * HOUR));
		mkdirSync(path.join(scratch, old));
		await verifiedAfter(23);
		expect(lstatSync(path.join(scratch, old)).isDirectory()).toBe(true);
	});
});

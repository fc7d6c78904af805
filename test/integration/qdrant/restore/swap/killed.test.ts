import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

import { beforeEach, expect, it } from 'vitest';

import { backUpCollections } from '../../../../../engine/qdrant';
import { ask, at, contentHash, countPoints, createPlain, fill } from '../../../../services/qdrant-data';
import {
	aliasesOn,
	backUp,
	connectionTo,
	everythingOn,
	failure,
	giveAlias,
	restore,
	temporaryStorage,
} from '../../support';
import { backup, proxy, safeSwapOf, server, setUpStage, wanted } from './stage';

// A safe swap by name is killed (-9) at one of its steps: what it leaves is named by later runs, and its parked aliases return.

setUpStage();

let old: string;
beforeEach(async () => {
	// The backup does not fit.
	await ask(server, 'PUT', at('docs'), { vectors: { size: 3, distance: 'Dot' }, metadata: { own: 'kept' } });
	await fill(server, 'docs', { vector: () => [1, 2, 3] }, { count: 30 });
	await giveAlias(server, 'live', 'docs');
	old = await contentHash(server, 'docs');
});

const swap = safeSwapOf('docs');

/** Lets a process swap, and kills it when it asks for this: before the server gets the request, or once it has done it. */
async function killAt(line: RegExp, when: 'before' | 'after'): Promise<void> {
	let child: ChildProcess | undefined = undefined;
	const kill = async () => {
		child?.kill('SIGKILL');
		await new Promise(() => {});
	};
	proxy.treat = (found) => (line.test(found) ? { [when]: kill } : undefined);
	const script = ['--import', './scripts/typescript-hooks.mjs', 'test/integration/qdrant/restore/restoring.ts'];
	child = spawn(process.execPath, [...script, proxy.url, backup.root, 'docs'], { stdio: 'inherit' });
	const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
	expect(signal).toBe('SIGKILL');
	proxy.treat = () => undefined;
}

const UPLOAD_TO_DOCS = /^POST \/collections\/docs\/snapshots\/upload$/;
const UPLOAD_TO_TRIAL = /^POST \/collections\/docs_trial_\d+_\d+\/snapshots\/upload$/;
const UPLOAD_TO_COPY = /^POST \/collections\/docs_before_\d+_\d+\/snapshots\/upload$/;

/** The one collection whose name begins so. */
async function nameOf(start: string, ...known: string[]): Promise<string> {
	const { hashes } = await everythingOn(server);
	const names = Object.keys(hashes).filter((name) => name.startsWith(start) && !known.includes(name));
	expect(names).toHaveLength(1);
	return names[0]!;
}

async function metadataOf(collection: string): Promise<Record<string, unknown>> {
	const { config } = await ask<{ config: { metadata?: Record<string, unknown> } }>(server, 'GET', at(collection));
	return config.metadata ?? {};
}

async function warningsOfBackup(selection?: { names?: string[]; exclude?: string[] }): Promise<string[]> {
	const { storage } = temporaryStorage();
	const options = { connection: connectionTo(server), storage, codec: { name: 'zstd' } } as const;
	const { warnings } = await backUpCollections({ ...options, ...(selection && { selection }) });
	return warnings;
}

it.each(['before', 'after'] as const)(
	'the next swap gives the aliases back to the collection, killed %s the upload',
	async (when) => {
		await killAt(UPLOAD_TO_DOCS, when);
		const first = await nameOf('docs_before_');
		expect(await aliasesOn(server)).toEqual({ live: first });
		const report = await restore(server, backup, swap);
		expect(await contentHash(server, 'docs')).toBe(wanted);
		expect(await contentHash(server, first)).toBe(old);
		expect(await aliasesOn(server)).toEqual({ live: 'docs' });
		expect(report.aliases).toEqual(['live']);
		const warnings = report.warnings.join('\n');
		expect(warnings).toContain(`The alias live was moved from ${first} to docs`);
		// What was swapped out this time is what the killed run was making.
		expect(warnings).toContain(`${report.previous} may be incomplete`);
		expect(warnings).toContain(`The data from before that is in ${first}`);
		expect(await warningsOfBackup()).toEqual([]);
		expect(await metadataOf('docs')).toEqual({});
		expect(await metadataOf(first)).toEqual({ own: 'kept' });
	},
);

it.each(['existing', 'newCollection'] as const)('a restore (%s) gives the aliases back as well', async (type) => {
	await killAt(UPLOAD_TO_DOCS, 'after');
	const copy = await nameOf('docs_before_');
	if (type === 'newCollection') await ask(server, 'DELETE', at('docs'));
	const report = await restore(server, backup, { type, collection: 'docs', confirmation: 'docs' });
	expect(report.aliases).toEqual(['live']);
	expect(await aliasesOn(server)).toEqual({ live: 'docs' });
	expect(await contentHash(server, copy)).toBe(old);
	expect(await warningsOfBackup()).toEqual([]);
});

it('a swap that fails leaves the aliases with the copy, and the next one gives them back', async () => {
	const uploads = new Set<string>();
	proxy.treat = (line) => {
		// Neither the backup nor the copy gets into the collection made anew.
		if (!UPLOAD_TO_DOCS.test(line)) return undefined;
		uploads.add(line);
		return { instead: 500 };
	};
	const error = await failure(restore(server, backup, swap, { connection: proxy }), 'TARGET_FAILED');
	expect(uploads.size).toBe(1);
	const copy = await nameOf('docs_before_');
	expect(error.message).toContain(copy);
	expect(await aliasesOn(server)).toEqual({ live: copy });
	expect((await warningsOfBackup()).join('\n')).toContain(`The alias live points at ${copy}`);
	await restore(server, backup, swap);
	expect(await aliasesOn(server)).toEqual({ live: 'docs' });
	expect(await contentHash(server, copy)).toBe(old);
	expect(await metadataOf(copy)).toEqual({ own: 'kept' });
});

it('what is left is named by the next swap where no alias was parked', async () => {
	const actions = [{ delete_alias: { alias_name: 'live' } }];
	await ask(server, 'POST', '/collections/aliases', { actions });
	await killAt(UPLOAD_TO_DOCS, 'before');
	const copy = await nameOf('docs_before_');
	const { warnings, aliases } = await restore(server, backup, swap);
	expect(aliases).toEqual([]);
	expect(warnings.join('\n')).toContain(`The data from before that is in ${copy}`);
	expect(await contentHash(server, copy)).toBe(old);
});

it('a backup goes on where what restores have left cannot be looked at', async () => {
	const { storage } = temporaryStorage();
	const options = { connection: { url: proxy.url }, storage, codec: { name: 'zstd' } } as const;
	let asked = 0;
	proxy.treat = (line) => (line === 'GET /aliases' && ++asked === 1 ? { instead: 502 } : undefined);
	const { backups, warnings } = await backUpCollections(options);
	expect(backups).toHaveLength(1);
	expect(warnings.join('\n')).toContain('could not be found out');
});

it('an alias that somebody has moved since stays where it is', async () => {
	await killAt(UPLOAD_TO_DOCS, 'before');
	const copy = await nameOf('docs_before_');
	await createPlain(server, 'elsewhere', 10);
	await giveAlias(server, 'live', 'elsewhere');
	await giveAlias(server, 'audit', copy);
	const report = await restore(server, backup, swap);
	expect(await aliasesOn(server)).toEqual({ live: 'elsewhere', audit: copy });
	expect(report.warnings.join('\n')).toContain(`The alias audit points at ${copy}`);
});

it('a backup names the half-made collection, the copy, and the aliases that point at that, and changes nothing', async () => {
	await killAt(UPLOAD_TO_DOCS, 'before');
	const copy = await nameOf('docs_before_');
	const was = await everythingOn(server);
	for (const selection of [undefined, { exclude: ['*_before_*'] }, { names: ['docs'] }]) {
		const warnings = (await warningsOfBackup(selection)).join('\n');
		expect(warnings).toContain(`The alias live points at ${copy}`);
		expect(warnings).toContain('The collection docs (about 0 points) may be incomplete');
		expect(warnings).toContain(`The data from before that is in ${copy}`);
		expect(warnings).toContain(`The collection ${copy} (about 30 points) is a copy of the old data of docs`);
	}
	expect(await everythingOn(server)).toEqual(was);
});

it('a backup and the next swap name a trial that was left', async () => {
	await killAt(UPLOAD_TO_TRIAL, 'before');
	const staging = await nameOf('docs_trial_');
	const said = `The collection ${staging} (about 0 points) is the staging collection of a safe swap`;
	expect((await warningsOfBackup()).join('\n')).toContain(said);
	const report = await restore(server, backup, swap);
	expect(report.warnings.join('\n')).toContain(said);
	expect(await countPoints(server, staging)).toBe(0);
	expect(await aliasesOn(server)).toEqual({ live: 'docs' });
});

it('a backup names a copy that may lack points, since the swap was killed while it copied', async () => {
	await killAt(UPLOAD_TO_COPY, 'before');
	const copy = await nameOf('docs_before_');
	const warnings = (await warningsOfBackup()).join('\n');
	expect(warnings).toContain(`The collection ${copy} (about 0 points) may be an incomplete copy`);
	expect(await contentHash(server, 'docs')).toBe(old);
});

it('a backup and the next swap name the copy of a swap that was killed over a collection that the backup fits', async () => {
	await ask(server, 'DELETE', at('docs'));
	await createPlain(server, 'docs', 50);
	await giveAlias(server, 'live', 'docs');
	const was = await contentHash(server, 'docs');
	await killAt(UPLOAD_TO_DOCS, 'after');
	const copy = await nameOf('docs_before_');
	const said = `The collection ${copy} (about 50 points) may be an incomplete copy of the old data of docs`;
	expect(await warningsOfBackup()).toEqual([expect.stringContaining(said)]);
	const { warnings } = await restore(server, backup, swap);
	expect(warnings).toEqual([expect.stringContaining(said)]);
	expect(await aliasesOn(server)).toEqual({ live: 'docs' });
	expect(await contentHash(server, copy)).toBe(was);
});

it('a swap that is not cut off leaves no entries of its own in the metadata', async () => {
	const report = await restore(server, backup, swap);
	expect(report.warnings).toEqual([]);
	expect(await metadataOf('docs')).toEqual({});
	expect(await metadataOf(report.previous!)).toEqual({ own: 'kept' });
	expect(await aliasesOn(server)).toEqual({ live: 'docs' });
	expect(await warningsOfBackup()).toEqual([]);
});

it('a backup of a half-made collection restores without the entries of the run that was killed', async () => {
	await killAt(UPLOAD_TO_DOCS, 'after');
	const copy = await nameOf('docs_before_');
	const again = await backUp(server, copy);
	await restore(server, again, { type: 'newCollection', collection: 'fresh' });
	expect(await metadataOf('fresh')).toEqual({ own: 'kept' });
});

import { execFileSync } from 'node:child_process';
import {
	appendFileSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { asBackUp, FolderStorage } from '../../engine';
import { settled } from '../integration/settled';
import { freshFilesFolder, inProcessN8n } from './harness';
import { backup, type Json, NodeRunner } from './node-runner';
import { columnsOf, expectNoGaps } from './table';
import { NODE_TYPE as VERIFY, verdicts } from './verify-support';
import { PACKAGE } from './workflow';

const n8n = await inProcessN8n();
const NODE_TYPE = `${PACKAGE}.filesArchive`;

/** Files Archive with a fresh folder as the storage, and one to back up. */
async function stage() {
	const { folder, node } = await NodeRunner.withFolder(n8n, NODE_TYPE, {});
	const root = join(freshFilesFolder(n8n), 'documents');
	mkdirSync(join(root, 'contracts', '2026'), { recursive: true });
	const write = (name: string, text: string) => writeFileSync(join(root, name), text);
	write('readme.txt', 'Read me.');
	write('contracts/2026/offer.pdf', 'An offer.');
	write('contracts/2026/offer.tmp', 'Scratch.');
	write('contracts/old.pdf', 'Old.');
	symlinkSync('contracts/old.pdf', join(root, 'latest'));
	await settled(root);
	return { storageFolder: folder, node, root, write };
}

const fresh = () => join(freshFilesFolder(n8n), 'restored');

/** All files below a folder with what is in them. */
function look(root: string): Record<string, string> {
	const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
	return Object.fromEntries(
		files
			.map(({ parentPath, name }) => join(parentPath, name))
			.sort()
			.map((file) => [file.slice(root.length + 1), readFileSync(file, 'utf8')]),
	);
}

const entry = (value: string, mode = 'list') => ({ what: 'entry', entry: { __rl: true, mode, value } });

describe('Back Up and Restore', () => {
	it('backs a folder up, what is new of it the next time, and restores both', async () => {
		const { node, root, write, storageFolder } = await stage();
		const [whole] = (await node.ok('backUp', { path: root })) as [Json];
		expect(whole).toMatchObject({
			name: 'documents',
			path: root,
			state: 'whole',
			files: 4,
			directories: 2,
			symlinks: 1,
			increment: 0,
			stored: 4,
			reused: 0,
			key: expect.stringMatching(/^files\/documents_\d{8}_\d{6}\.tar\.zst$/) as string,
			warnings: [],
		});
		write('contracts/old.pdf', 'Newer.');
		const [next] = (await node.ok('backUp', { path: root })) as [Json];
		expect(next).toMatchObject({ state: 'incremental', increment: 1, stored: 1, reused: 3, needs: [whole['id']] });
		const [third] = (await node.ok('backUp', { path: root, backupType: 'whole' })) as [Json];
		expect(third).toMatchObject({ state: 'whole', stored: 4, needs: [] });
		const [due] = (await node.ok('backUp', { path: root, options: { wholeEvery: 1 } })) as [Json];
		expect(due).toMatchObject({ state: 'whole', stored: 4 });
		const wanted = look(root);
		const into = fresh();
		const [report] = await node.ok('restore', { ...backup('id', next['id']), targetFolder: into });
		expect(report).toMatchObject({
			folder: into,
			written: 7,
			same: 0,
			skipped: 0,
			overwritten: 0,
			warnings: [],
			backup: { id: next['id'], partial: false },
		});
		expect(look(into)).toEqual(wanted);
		// Stock tar opens it.
		expect(execFileSync('tar', ['-tf', join(storageFolder, whole['key'])]).toString()).toContain('contracts/old.pdf');
	});

	it('keeps to a bandwidth limit, and refuses one under which nothing would come through', async () => {
		const { node, root } = await stage();
		const options = { bandwidthLimit: 50 };
		const [made] = (await node.ok('backUp', { path: root, options })) as [Json];
		const into = fresh();
		await node.ok('restore', { ...backup('id', made['id']), targetFolder: into, options });
		expect(look(into)).toEqual(look(root));
		const error = await node.fails('backUp', { path: root, options: { bandwidthLimit: 0.01 } });
		expect(error).toMatch(/Bandwidth Limit \(MB\/s\) is 0\.01/);
	});

	it('refuses to run beside another back up of the same, and says which one that is; or runs anyway', async () => {
		const { node, root, storageFolder } = await stage();
		let end = () => {};
		const hasEnded = new Promise<void>((resolve) => (end = resolve));
		let begun = () => {};
		const hasBegun = new Promise<void>((resolve) => (begun = resolve));
		const run = { workflow: 'Nightly documents', execution: '4711' };
		const storage = new FolderStorage({ root: storageFolder });
		const series = { kind: 'files', name: 'documents', origin: root, isWhole: false } as const;
		const other = asBackUp({ storage, folder: 'files', run }, series, async () => {
			begun();
			await hasEnded;
		});
		await hasBegun;
		expect(await node.fails('backUp', { path: root, options: { ifRunning: 'refuse' } })).toMatch(
			/A back up of files documents is running already: by the workflow "Nightly documents", execution 4711/,
		);
		expect(await node.ok('backUp', { path: root, options: { ifRunning: 'runAnyway' } })).toHaveLength(1);
		expect(await node.fails('backUp', { path: root, options: { ifRunning: 'maybe' } })).toMatch(
			/If This Is Running Already is "maybe"/,
		);
		expect(await node.fails('backUp', { path: root, options: { waitAtMost: 0 } })).toMatch(/Wait at Most \(Minutes\)/);
		// It waits by default.
		const waiting = node.ok('backUp', { path: root });
		end();
		await other;
		expect(await waiting).toHaveLength(1);
		expect(readdirSync(join(storageFolder, '.stack-backup'))).not.toContain('running');
	});

	it('backs up what fits patterns, under a name of its own', async () => {
		const { node, root } = await stage();
		const parameters = {
			path: root,
			backupName: 'offers',
			includePatterns: '*.{pdf,tmp}',
			excludePatterns: '*.tmp\nold*',
		};
		expect((await node.ok('backUp', parameters))[0]).toMatchObject({ name: 'offers', files: 1, directories: 0 });
		const [empty] = await node.ok('backUp', { ...parameters, includePatterns: '*.none' });
		expect(empty).toMatchObject({
			files: 0,
			warnings: [expect.stringMatching(/fits the patterns: the backup is empty/)],
		});
		const [folders] = await node.ok('backUp', { ...parameters, includePatterns: 'contracts', excludePatterns: '' });
		expect(folders).toMatchObject({ files: 0, warnings: [expect.stringMatching(/Nothing but folders .* a slash/)] });
		const [within] = await node.ok('backUp', { ...parameters, includePatterns: 'contracts/', excludePatterns: '' });
		expect(within).toMatchObject({ warnings: [] });
		expect(within!['files']).toBeGreaterThan(0);
		const [some] = await node.ok('backUp', { ...parameters, includePatterns: '*.pdf, invocies/' });
		expect(some).toMatchObject({ warnings: [expect.stringMatching(/^Nothing fits the pattern invocies\/\./)] });
	});

	it('takes a backup of what fits patterns for none of the folder', async () => {
		const { node, root } = await stage();
		const [whole] = await node.ok('backUp', { path: root, excludePatterns: '*.tmp' });
		const [part] = await node.ok('backUp', { path: root, includePatterns: '*.pdf' });
		expect([whole, part]).toMatchObject([{ state: 'whole' }, { state: 'without some data' }]);
		const restored = await node.run('restore', { ...backup('latest', 'documents'), targetFolder: fresh() });
		expect(restored.items).toMatchObject([{ json: { backup: { id: whole!['id'] } } }]);
		expect(restored.hints).toEqual([expect.stringMatching(/is newer, but holds only a part \(--include=\*\.pdf\)/)]);
	});

	it('takes a file as well as a folder', async () => {
		const { node, root } = await stage();
		const [made] = (await node.ok('backUp', { path: join(root, 'readme.txt') })) as [Json];
		expect(made).toMatchObject({ name: 'readme.txt', files: 1, bytes: 8 });
		const [again] = (await node.ok('backUp', { path: join(root, 'readme.txt') })) as [Json];
		expect(again).toMatchObject({ stored: 0, reused: 1, increment: 1 });
		const into = fresh();
		await node.ok('restore', { ...backup('latest', 'readme.txt'), targetFolder: into });
		expect(look(into)).toEqual({ 'readme.txt': 'Read me.' });
	});

	it('never backs up the storage itself, and says so where nothing else is meant', async () => {
		const { node, storageFolder } = await stage();
		const outer = join(storageFolder, '..');
		const [made] = await node.ok('backUp', {
			path: outer,
			backupName: 'all',
			includePatterns: `${basename(storageFolder)}/**`,
		});
		expect(made).toMatchObject({ files: 0 });
		for (const path of [storageFolder, join(storageFolder, 'files')])
			expect(await node.fails('backUp', { path })).toMatch(/lies in the storage of the backups.*not the backups/);
	});

	it('keeps to what n8n allows nodes to read and to write', async () => {
		const { node, root } = await stage();
		expect(await node.fails('backUp', { path: '/etc' })).toMatch(/does not let nodes use.*N8N_RESTRICT_FILE_ACCESS_TO/);
		expect(await node.fails('backUp', { path: 'documents' })).toMatch(/not an absolute path/);
		expect(await node.fails('backUp', { path: '={{ " " }}' })).toMatch(/Fill in Path/);
		expect(await node.fails('backUp', { path: join(root, 'nothing') })).toMatch(/does not exist.*mounted/);
		// n8n's own default for N8N_BLOCK_FILE_PATTERNS.
		mkdirSync(join(root, '.git'));
		writeFileSync(join(root, '.git', 'config'), 'secret');
		const [made] = await node.ok('backUp', { path: root });
		expect(made).toMatchObject({
			files: 4,
			warnings: [expect.stringMatching(/1 entries.*\.git.*N8N_BLOCK_FILE_PATTERNS/)],
		});
		const restore = { ...backup('id', made!['id']), targetFolder: '/etc/restored' };
		expect(await node.fails('restore', restore)).toMatch(/does not let nodes use.*N8N_RESTRICT_FILE_ACCESS_TO/);
		expect(await node.fails('restore', { ...restore, targetFolder: join(root, '.git', 'x') })).toMatch(
			/N8N_BLOCK_FILE_PATTERNS/,
		);
	});

	it('leaves the database of this n8n alone, wherever that lies: to open it here would end the locks that n8n has on it', async () => {
		const { node, root, write } = await stage();
		write('n8n.sqlite', 'the database');
		write('n8n.sqlite-wal', 'what was written last');
		vi.stubEnv('DB_TYPE', 'sqlite');
		vi.stubEnv('DB_SQLITE_DATABASE', join(root, 'n8n.sqlite'));
		onTestFinished(() => void vi.unstubAllEnvs());
		const [made] = await node.ok('backUp', { path: root });
		expect(made).toMatchObject({
			files: 4,
			warnings: [expect.stringMatching(/2 entries.*n8n\.sqlite, n8n\.sqlite-wal.*Back Up Instance/)],
		});
		expect(await node.fails('backUp', { path: join(root, 'n8n.sqlite') })).toMatch(
			/must not be read.*Back Up Instance/,
		);
		// Of a PostgreSQL, files of this name are any files.
		vi.stubEnv('DB_TYPE', 'postgresdb');
		expect(await node.ok('backUp', { path: root })).toMatchObject([{ files: 6 }]);
	});

	it('restores a part: by prefix, by patterns, or what was picked from the list', async () => {
		const { node, root } = await stage();
		const [made] = (await node.ok('backUp', { path: root })) as [Json];
		const restored = async (parameters: Json) => {
			const targetFolder = fresh();
			await node.ok('restore', { ...backup('id', made['id']), targetFolder, ...parameters });
			return Object.keys(look(targetFolder));
		};
		const offers = ['contracts/2026/offer.pdf', 'contracts/2026/offer.tmp'];
		// As it was stored before there was a list to choose from, and as it is now.
		for (const prefix of ['/contracts/2026/', { __rl: true, mode: 'prefix', value: '/contracts/2026/' }])
			expect(await restored({ what: 'prefix', prefix })).toEqual(offers);
		expect(await restored({ what: 'patterns', includePatterns: '*.pdf', excludePatterns: 'old.*' })).toEqual([
			'contracts/2026/offer.pdf',
		]);
		const patterns = { what: 'patterns', includePatterns: '*.pdf, *.pfd', targetFolder: fresh() };
		expect(await node.ok('restore', { ...backup('id', made['id']), ...patterns })).toMatchObject([
			{ written: 2, warnings: [expect.stringMatching(/^Nothing fits the pattern \*\.pfd\./)] },
		]);
		expect(await restored(entry('readme.txt'))).toEqual(['readme.txt']);
		expect(await restored(entry('./contracts', 'path'))).toEqual([
			'contracts/2026/offer.pdf',
			'contracts/2026/offer.tmp',
			'contracts/old.pdf',
		]);
		const fails = async (parameters: Json) =>
			await node.fails('restore', { ...backup('id', made['id']), targetFolder: fresh(), ...parameters });
		expect(await fails({ what: 'prefix', prefix: '/' })).toMatch(/Fill in Prefix/);
		expect(await fails({ what: 'patterns' })).toMatch(/Fill in Include Patterns/);
		expect(await fails(entry('={{ "" }}'))).toMatch(/Fill in File or Folder/);
		expect(await fails(entry('nothing.txt', 'path'))).toMatch(/holds nothing of what was chosen.*List what it holds/);
		expect(await fails({ targetFolder: '={{ "" }}' })).toMatch(/Fill in Into Folder/);
	});

	it('does not touch files that are there, unless that is asked for and confirmed', async () => {
		const { node, root } = await stage();
		const [made] = (await node.ok('backUp', { path: root })) as [Json];
		const wanted = look(root);
		appendFileSync(join(root, 'readme.txt'), ' Changed.');
		writeFileSync(join(root, 'own.txt'), 'Not in the backup.');
		rmSync(join(root, 'contracts', 'old.pdf'));
		const changed = look(root);
		const over = { ...backup('id', made['id']), targetFolder: root };
		expect(await node.fails('restore', over)).toMatch(/has others of these already: readme\.txt/);
		const overwrite = { ...over, existing: 'overwrite' };
		expect(await node.fails('restore', { ...overwrite, confirmation: 'restored' })).toMatch(
			/not confirmed; nothing was changed.*Confirm Folder/,
		);
		expect(look(root)).toEqual(changed);
		const [skipped] = await node.ok('restore', { ...over, existing: 'skip' });
		expect(skipped).toMatchObject({
			skipped: 1,
			skippedNames: ['readme.txt'],
			warnings: [expect.stringMatching(/left as they are: readme\.txt/)],
		});
		expect(look(root)).toEqual({ ...wanted, 'readme.txt': 'Read me. Changed.', 'own.txt': 'Not in the backup.' });
		const [overwritten] = await node.ok('restore', { ...overwrite, confirmation: root });
		expect(overwritten).toMatchObject({ overwritten: 1, skipped: 0 });
		expect(look(root)).toEqual({ ...wanted, 'own.txt': 'Not in the backup.' });
	});

	it('goes by binary data, encrypted: whole, one archive, with its manifest', async () => {
		const { node, root } = await stage();
		const passphrase = { passphrase: 'a good one' };
		const backupEncryptionApi = await n8n.createCredential('key', 'backupEncryptionApi', passphrase);
		const encrypted = node.with({ backupEncryptionApi });
		const before = [
			{ type: NODE_TYPE, parameters: { operation: 'backUp', destination: 'binaryData', encrypt: true, path: root } },
		];
		const targetFolder = fresh();
		const run = await encrypted.workflow('restore', { source: 'binaryData', targetFolder }, {}, before);
		expect((await run.run()).error).toBeUndefined();
		expect(look(targetFolder)).toEqual(look(root));
	});

	it('goes on from an encrypted backup with a passphrase, and is whole where only others can decrypt', async () => {
		const { node, root } = await stage();
		const backupEncryptionApi = await n8n.createCredential('key', 'backupEncryptionApi', { passphrase: 'a good one' });
		const encrypted = node.with({ backupEncryptionApi });
		await encrypted.ok('backUp', { path: root, encrypt: true });
		const [next] = (await encrypted.ok('backUp', { path: root, encrypt: true })) as [Json];
		expect(next).toMatchObject({ state: 'incremental, encrypted', stored: 0, reused: 4 });
		// Without the key nothing can be gone on from.
		expect((await node.ok('backUp', { path: root }))[0]).toMatchObject({ state: 'whole', stored: 4 });
		const targetFolder = fresh();
		expect(await node.fails('restore', { ...backup('id', next['id']), targetFolder })).toMatch(/encrypt/i);
		expect(existsSync(targetFolder)).toBe(false);
		await encrypted.ok('restore', { ...backup('id', next['id']), targetFolder });
		expect(look(targetFolder)).toEqual(look(root));
		const another = await n8n.createCredential('other', 'backupEncryptionApi', { passphrase: 'another one' });
		const mistaken = node.with({ backupEncryptionApi: another });
		expect(await mistaken.ok('backUp', { path: root, encrypt: true })).toMatchObject([
			{
				stored: 4,
				warnings: [expect.stringMatching(/^An earlier backup cannot be gone on from: The manifest .*passphrase/)],
			},
		]);
	});

	it('refuses backups of other things', async () => {
		const { node, root } = await stage();
		expect(await node.fails('restore', { ...backup('latest', 'shop'), targetFolder: root })).toMatch(/shop/);
		expect(
			await node.fails('restore', { backup: { __rl: true, mode: 'id', value: '={{ "" }}' }, targetFolder: root }),
		).toMatch(/Fill in Backup/);
	});
});

describe('lists', () => {
	let node: NodeRunner;
	let made: Json;
	beforeAll(async () => {
		const staged = await stage();
		({ node } = staged);
		[made] = (await node.ok('backUp', { path: staged.root })) as [Json];
	});

	it('shows items as a table', async () => {
		const listed = await node.ok('listBackups', { simplify: true });
		expect(listed).toHaveLength(1);
		expect(columnsOf(listed)).toEqual([
			'name',
			'startedAt',
			'size',
			'files',
			'state',
			'verified',
			'file',
			'key',
			'id',
			'runId',
		]);
		const entries = await node.ok('listEntries', { ...backup('id', made['id']), simplify: true });
		expect(columnsOf(entries)).toEqual(['path', 'type', 'size', 'bytes', 'modified', 'mode', 'sha256', 'target']);
		expectNoGaps(entries);
		const report = await node.ok('restore', { ...backup('id', made['id']), targetFolder: fresh(), simplify: true });
		expect(columnsOf(report)).toEqual([
			'folder',
			'written',
			'size',
			'same',
			'skipped',
			'overwritten',
			'durationSeconds',
			'file',
			'id',
		]);
	});

	it('lists what a backup holds, up to a limit, by prefix and patterns', async () => {
		const list = async (parameters: Json = {}) =>
			(await node.ok('listEntries', { ...backup('latest', 'documents'), ...parameters })).map(
				({ path }) => path as string,
			);
		const all = [
			'contracts/',
			'contracts/2026/',
			'contracts/2026/offer.pdf',
			'contracts/2026/offer.tmp',
			'contracts/old.pdf',
			'latest',
			'readme.txt',
		];
		expect(await list()).toEqual(all);
		expect(await list({ limit: 2 })).toEqual(all.slice(0, 2));
		expect(await list({ returnAll: true, pathPrefix: '/contracts/', excludePatterns: '*.tmp, 2026/' })).toEqual([
			'contracts/',
			'contracts/old.pdf',
		]);
		const [link] = await node.ok('listEntries', { ...backup('id', made['id']), includePatterns: 'latest' });
		expect(link).toMatchObject({ type: 'symbolic link', target: 'contracts/old.pdf', sha256: null, bytes: 0 });
		const hints = async (parameters: Json) =>
			(await node.run('listEntries', { ...backup('id', made['id']), ...parameters })).hints;
		expect(await hints({ pathPrefix: 'contarcts/' })).toEqual(['The backup holds nothing of what was chosen.']);
		expect(await hints({ includePatterns: '*.pdf, *.pfd' })).toEqual([expect.stringMatching(/the pattern \*\.pfd\./)]);
		// What comes after the limit was not looked at.
		expect(await hints({ includePatterns: '*.pdf, *.txt', limit: 1 })).toEqual([]);
		const none = await node.run('listBackups', { nameFilter: 'documnets' });
		expect([none.items, none.hints]).toEqual([
			[],
			[expect.stringMatching(/^There is no backup of documnets in files\/ in the folder /)],
		]);
	});

	it('offers backups, and what the chosen one holds, page by page', async () => {
		const request = { nodeType: NODE_TYPE, credentials: node.credentials };
		const backups = await n8n.searchList({ ...request, methodName: 'searchBackups', path: 'parameters.backup' });
		expect(backups.results).toMatchObject([
			{ value: made['id'], name: expect.stringMatching(/ UTC · documents · /) as string },
		]);
		const search = async (parameters: Json, filter?: string) =>
			await n8n.searchList({
				...request,
				methodName: 'searchEntries',
				path: 'parameters.entry',
				parameters,
				...(filter !== undefined && { filter }),
			});
		const chosen = { operation: 'restore', source: 'storage', ...backup('id', made['id']) };
		const { results } = await search(chosen);
		expect(results.map(({ value }) => value)).toContain('contracts/2026/offer.pdf');
		expect(results[2]!.name).toMatch(/^contracts\/2026\/offer\.pdf · 9 B · \d{4}-\d\d-\d\d \d\d:\d\d UTC$/);
		expect((await search(chosen, 'OFFER pdf')).results.map(({ value }) => value)).toEqual(['contracts/2026/offer.pdf']);
		const folders = await n8n.searchList({
			...request,
			methodName: 'searchPrefixes',
			path: 'parameters.prefix',
			parameters: chosen,
		});
		expect(folders.results).toEqual(['contracts/', 'contracts/2026/'].map((value) => ({ name: value, value })));
		await expect(search({ ...chosen, ...backup('id', '') })).rejects.toThrow(/No backup is chosen yet/);
		await expect(search({ ...chosen, source: 'binaryData' })).rejects.toThrow(/binary data/);
	});
});

it('goes on with an item for what failed, where it is told to', async () => {
	const { node, root } = await stage();
	const run = await node.run('backUp', { path: join(root, 'nothing') }, { onError: 'continueRegularOutput' });
	expect(run.outputs[0]).toMatchObject([
		{
			json: { error: expect.stringMatching(/does not exist/) as string, details: { code: 'INVALID_INPUT' } },
			pairedItem: { item: 0 },
		},
	]);
});

describe('Verify Archive', () => {
	it('restores backups of files for a test, with the older archives that they need, and leaves nothing behind', async () => {
		const { node, root, write, storageFolder } = await stage();
		const verify = new NodeRunner(n8n, VERIFY, node.credentials);
		const [whole] = (await node.ok('backUp', { path: root })) as [Json];
		write('new.txt', 'New.');
		await node.ok('backUp', { path: root });
		const scratchFolder = freshFilesFolder(n8n);
		const into = { filesTarget: 'folder', scratchFolder };
		const all = await verdicts(verify, 'verify', { which: 'all', level: 'restore', ...into });
		expect(all.failed).toEqual([]);
		expect(all.passed).toMatchObject([
			{ kind: 'files', reached: 'restore', counts: { files: 5 } },
			{ kind: 'files', reached: 'restore', counts: { files: 4 } },
		]);
		expect(readdirSync(scratchFolder)).toEqual([]);
		expect((await verdicts(verify, 'drill', into)).passed).toMatchObject([{ verdict: 'passed' }]);
		const inPart = await verdicts(verify, 'drill', { filesTarget: 'none' });
		expect(inPart.failed).toMatchObject([
			{ verdict: 'incomplete', problem: expect.stringMatching(/no folder is chosen in Files Into/) as string },
		]);
		expect(await verify.fails('drill', { ...into, scratchFolder: '/etc' })).toMatch(/N8N_RESTRICT_FILE_ACCESS_TO/);
		rmSync(join(storageFolder, whole['key']));
		const broken = await verdicts(verify, 'verify', { which: 'newest', level: 'restore', ...into });
		expect(broken.failed).toMatchObject([
			{ verdict: 'failed', problem: expect.stringMatching(/archives that it needs are missing/) as string },
		]);
		expect(readdirSync(scratchFolder)).toEqual([]);
	});
});

describe('a tar that another program made', () => {
	it('is listed and restored from the storage and from binary data', async () => {
		const { storageFolder, node, root } = await stage();
		mkdirSync(join(storageFolder, 'uploads'));
		execFileSync('tar', ['-C', root, '-czf', join(storageFolder, 'uploads/site.tar.gz'), '.']);
		const file = { source: 'tarFile', tarFile: { __rl: true, mode: 'path', value: 'uploads/site.tar.gz' } };
		const listed = await node.ok('listEntries', { ...file, includePatterns: '*.pdf', simplify: true });
		expect(listed.map(({ path }) => path).sort()).toEqual(['contracts/2026/offer.pdf', 'contracts/old.pdf']);
		expectNoGaps(listed);
		const into = fresh();
		const [report] = await node.ok('restore', { ...file, targetFolder: into });
		expect(report).toMatchObject({ file: 'uploads/site.tar.gz', written: 7, id: null, backup: null, warnings: [] });
		expect(look(into)).toEqual(look(root));
		const read = {
			type: 'n8n-nodes-base.readWriteFile',
			parameters: { operation: 'read', fileSelector: join(storageFolder, 'uploads/site.tar.gz') },
			credentials: {},
		};
		const other = fresh();
		const parameters = { source: 'binaryData', manifest: '', targetFolder: other, ...entry('contracts/old.pdf') };
		const without = node.with({ backupStorageApi: undefined });
		const run = await (await without.workflow('restore', { ...parameters, simplify: true }, {}, [read])).run();
		expect(run.error).toBeUndefined();
		expect(columnsOf(run.items.map(({ json }) => json))).not.toContain('id');
		expect(look(other)).toEqual({ 'contracts/old.pdf': 'Old.' });
		expect(
			await node.fails('restore', { ...file, tarFile: { ...file.tarFile, value: 'nothing.tar' }, targetFolder: other }),
		).toMatch(/nothing.tar/);
	});
});

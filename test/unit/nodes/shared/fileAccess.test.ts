import { mkdirSync, realpathSync, symlinkSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { FileSystemHelperFunctions } from 'n8n-workflow';
import { afterAll, expect, it } from 'vitest';
import type { BackupError } from '../../../../engine';
import { guardedByN8n, guardedBySettings } from '../../../../nodes/shared/fileAccess';
import { removeFolder, temporaryFolder } from '../../../services/guard';

const root = realpathSync(temporaryFolder('file-access'));
const allowed = join(root, 'allowed');
mkdirSync(allowed);
mkdirSync(join(root, 'allowed-not'));
symlinkSync(root, join(allowed, 'way-out'));
afterAll(() => removeFolder(root));

const access = guardedBySettings({ N8N_RESTRICT_FILE_ACCESS_TO: `/somewhere/else; ${allowed}` });

it('lets folders in the allowed ones through, also ones that are still to be made', async () => {
	expect(await access.allowedFolder(allowed)).toBe(allowed);
	expect(await access.allowedFolder(join(allowed, 'a', 'b'))).toBe(join(allowed, 'a', 'b'));
});

it.each(['allowed-not', 'allowed/..', 'allowed/way-out', 'allowed/way-out/new', '.'])(
	'does not let %s through, and names the setting',
	async (path) => {
		await expect(access.allowedFolder(join(root, path))).rejects.toMatchObject({
			code: 'STORAGE_DENIED',
			hint: expect.stringMatching(/N8N_RESTRICT_FILE_ACCESS_TO/),
		});
	},
);

it('names the folders that are allowed where it lets one not through, and where a link leads', async () => {
	await expect(access.allowedFolder(join(root, 'mistyped'))).rejects.toMatchObject({
		message: `n8n does not let nodes use the folder ${root}/mistyped.`,
		hint: expect.stringContaining(`Nodes may use /somewhere/else or ${allowed}, and the folders in there`),
	});
	await expect(access.allowedFolder(join(allowed, 'way-out', 'new'))).rejects.toMatchObject({
		message: `n8n does not let nodes use the folder ${allowed}/way-out/new, which leads to ${root}/new.`,
	});
	await expect(guardedBySettings({}).allowedFolder(root)).rejects.toMatchObject({
		hint: expect.stringContaining(join(homedir(), '.n8n-files')),
	});
});

it("names them where n8n's own guards refuse, and the setting that did where a folder is in them", async () => {
	const helpers = { resolvePath: realpath, isFilePathBlocked: () => true } as unknown as FileSystemHelperFunctions;
	const guarded = guardedByN8n(helpers, { N8N_RESTRICT_FILE_ACCESS_TO: allowed });
	const hintFor = async (path: string) =>
		await guarded.allowedFolder(path).then(
			() => '',
			(error: BackupError) => error.hint,
		);
	expect(await hintFor(join(root, 'mistyped'))).toContain(allowed);
	expect(await hintFor(join(allowed, '.git'))).toContain('N8N_BLOCK_FILE_PATTERNS');
});

it.each(['backups', '~/backups', './x', ''])('wants an absolute path, not "%s"', async (path) => {
	await expect(access.allowedFolder(path)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
});

it('allows .n8n-files in the home folder where nothing is set, and all where the setting is empty', async () => {
	const files = join(realpathSync(homedir()), '.n8n-files', 'backups');
	expect(await guardedBySettings({}).allowedFolder(files)).toBe(files);
	await expect(guardedBySettings({}).allowedFolder(root)).rejects.toMatchObject({ code: 'STORAGE_DENIED' });
	expect(await guardedBySettings({ N8N_RESTRICT_FILE_ACCESS_TO: '' }).allowedFolder(root)).toBe(root);
});

it("keeps out of n8n's own folder, unless the setting for that says otherwise", async () => {
	const settings = { N8N_RESTRICT_FILE_ACCESS_TO: root, N8N_USER_FOLDER: root };
	const own = join(root, '.n8n', 'backups');
	await expect(guardedBySettings(settings).allowedFolder(own)).rejects.toMatchObject({
		code: 'STORAGE_DENIED',
		hint: `n8n keeps its database and its keys there: choose one in ${root}.`,
	});
	const open = guardedBySettings({ ...settings, N8N_BLOCK_FILE_ACCESS_TO_N8N_FILES: 'false' });
	expect(await open.allowedFolder(own)).toBe(own);
});

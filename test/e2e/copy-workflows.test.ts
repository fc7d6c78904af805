import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { FolderStorage } from '../../engine';
import { freshFilesFolder } from '../nodes/harness';
import { NodeRunner } from '../nodes/node-runner';
import { backupsIn, writeDaily } from '../nodes/retention-support';
import { flipBit } from '../nodes/verify-support';
import { PACKAGE } from '../nodes/workflow';
import { type MailReceiver, startMailReceiver } from '../services/smtp';
import { sharedN8n } from './harness';
import { publishNow, template, withCredentials } from './templates';

const NODE_TYPE = `${PACKAGE}.backupCopy`;
const n8n = await sharedN8n();
let mail: MailReceiver;

beforeAll(async () => {
	mail = await startMailReceiver();
});

afterAll(async () => {
	await mail?.stop();
});

it('copies off-site, compares, and mails what is wrong, by the nightly template', async () => {
	const second = freshFilesFolder(n8n);
	const data = { type: 'folder', folderPath: second };
	const backupStorageSecondApi = await n8n.createCredential('second', 'backupStorageSecondApi', data);
	const { folder, node } = await NodeRunner.withFolder(n8n, NODE_TYPE, { backupStorageSecondApi });
	const [from, to] = [new FolderStorage({ root: folder }), new FolderStorage({ root: second })];
	const keys = await writeDaily(from, 2);
	const { host, port } = mail;
	const smtp = await n8n.createCredential('mail', 'smtp', { host, port, secure: false, disableStartTls: true });
	const credentials = { [NODE_TYPE]: node.credentials, 'n8n-nodes-base.emailSend': { smtp } };
	const id = await publishNow(n8n, withCredentials(template('copy-nightly-offsite.json'), credentials), 'copy-now');
	const run = async () => {
		await n8n.webhook('copy-now', {});
		return await n8n.execution((await n8n.executions(id))[0]!.id);
	};
	expect((await run()).status).toBe('success');
	expect(await backupsIn(to)).toEqual(await backupsIn(from));
	expect(mail.mails).toEqual([]);
	// A second night: nothing is new, and the comparison runs all the same.
	rmSync(join(second, keys[1]!));
	flipBit(join(folder, keys[1]!));
	const bad = await run();
	expect(bad.status).toBe('error');
	expect(bad.data.resultData.error?.message).toMatch(/^Off-site copy: .*is not what its manifest says/);
	expect(mail.mails).toHaveLength(1);
	expect(mail.mails[0]!.content).toMatch(/Subject: Off-site copy: 2 problems.*is missing/s);
});

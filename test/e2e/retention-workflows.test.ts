import { randomUUID } from 'node:crypto';
import { readdirSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterEach, beforeEach, expect, it } from 'vitest';

import type { NodeCredentials } from '../services/n8n-client';
import { type MailReceiver, startMailReceiver } from '../services/smtp';
import { sharedN8n } from './harness';
import { backupsIn, NODE_TYPE, pruneNode, writeBackup, writeDaily } from '../nodes/retention-support';
import { flipBit, NODE_TYPE as VERIFY, outputsOf } from '../nodes/verify-support';
import { publishNow, template, withCredentials, withSettings } from './templates';

const n8n = await sharedN8n();
let mail: MailReceiver;

beforeEach(async () => {
	mail = await startMailReceiver();
});

afterEach(async () => {
	await mail?.stop();
});

/** The template, published with its credentials and a policy in its dry run; runs it and answers how it ended. */
async function nightly(path: string, storage: NodeCredentials, policy: Record<string, unknown>) {
	const { host, port } = mail;
	const smtp = await n8n.createCredential('mail', 'smtp', { host, port, secure: false, disableStartTls: true });
	const credentials = { [NODE_TYPE]: storage, 'n8n-nodes-base.emailSend': { smtp } };
	const workflow = withCredentials(template('retention-nightly-prune.json'), credentials);
	const nodes = workflow.nodes.map((one) =>
		one.name === 'Dry Run' ? { ...one, parameters: { ...(one['parameters'] as object), ...policy } } : one,
	);
	const id = await publishNow(n8n, { ...workflow, nodes }, path);
	await n8n.webhook(path, {});
	const [started] = await n8n.executions(id);
	return await n8n.execution(started!.id);
}

const KEEP_THREE = { policy: 'custom', rules: { last: 3 } };

it('mails what would go, and then prunes just that, by the nightly template', async () => {
	const { node, storage } = await pruneNode(n8n);
	const keys = await writeDaily(storage, 5);
	const docs = await writeDaily(storage, 5, { kind: 'qdrant', name: 'docs' });
	const policy = { ...KEEP_THREE, options: { folders: ['postgres/'] } };
	const execution = await nightly('prune-now', node.credentials, policy);
	expect(execution.status).toBe('success');
	const [backups, summary] = outputsOf(execution, 'Prune');
	expect(backups).toHaveLength(5);
	expect(summary).toMatchObject([{ dryRun: false, deleted: 2, kept: 3 }]);
	expect((await backupsIn(storage)).own.sort()).toEqual([...keys.slice(0, 3), ...docs].sort());
	expect(mail.mails).toMatchObject([{ from: 'n8n@example.com', to: ['admin@example.com'] }]);
	const { content } = mail.mails[0]!;
	expect(content).toContain('Subject: Retention: 2 would be deleted, 3 would stay');
	expect(content).toMatch(/Would be deleted \(2\)[^]*<h3>Would be deleted \(2\)<\/h3>/);
	for (const key of keys) expect(content).toContain(key);
});

it('mails the refusal and ends with an error, by the nightly template', async () => {
	const { node, storage } = await pruneNode(n8n);
	const keys = await writeDaily(storage, 9);
	const execution = await nightly('prune-refused', node.credentials, KEEP_THREE);
	expect(execution.status).toBe('error');
	expect(execution.data.resultData.error?.message).toMatch(/^Retention failed: Nothing was deleted: 6 of 9/);
	expect((await backupsIn(storage)).own).toEqual(keys);
	expect(mail.mails.map(({ content }) => /Subject: (.*?) (From|To|Date|Message-ID):/.exec(content)?.[1])).toEqual([
		expect.stringMatching(/^Retention: refused/),
		expect.stringMatching(/^Retention failed: Nothing was deleted: 6 of 9/),
	]);
	expect(mail.mails[1]!.content).toMatch(/allow a larger share[^]*What the policy would delete \(6\)/);
});

it('mails that the storage could not be looked at, by the nightly template', async () => {
	const { node } = await pruneNode(n8n);
	const backupStorageApi = await n8n.createCredential('elsewhere', 'backupStorageApi', {
		type: 'folder',
		folderPath: '/proc/nowhere',
	});
	const execution = await nightly('prune-nowhere', { ...node.credentials, backupStorageApi }, KEEP_THREE);
	expect(execution.status).toBe('error');
	expect(mail.mails).toHaveLength(1);
	expect(mail.mails[0]!.content).toContain('does not let nodes use the folder');
});

it('prunes nothing where the dry run cannot be mailed, by the nightly template', async () => {
	const { node, storage } = await pruneNode(n8n);
	const keys = await writeDaily(storage, 5);
	mail.refuse();
	const execution = await nightly('prune-unmailed', node.credentials, KEEP_THREE);
	expect(execution.status).toBe('error');
	expect(mail.mails).toEqual([]);
	expect((await backupsIn(storage)).own).toEqual(keys);
});

/** Runs a template with what its node Settings says, and mails from one address to another; answers how it ended. */
async function runNow(file: string, path: string, storage: NodeCredentials, settings: Record<string, unknown>) {
	const { host, port } = mail;
	const smtp = await n8n.createCredential('mail', 'smtp', { host, port, secure: false, disableStartTls: true });
	const credentials = { [NODE_TYPE]: storage, [VERIFY]: storage, 'n8n-nodes-base.emailSend': { smtp } };
	const addresses = { mailFrom: 'n8n@example.com', mailTo: 'admin@example.com' };
	const whole = withSettings(withCredentials(template(file), credentials), { ...addresses, ...settings });
	const id = await publishNow(n8n, whole, path);
	await n8n.webhook(path, {});
	const [started] = await n8n.executions(id);
	return await n8n.execution(started!.id);
}

const DUMP = '--\n-- PostgreSQL database dump\n--\n\nSELECT 1;\n\n--\n-- PostgreSQL database dump complete\n--\n\n';

/** Four dumps of a script, a day apart, and a log, in the root of a storage that holds backups of ours as well. */
async function leftByScripts() {
	const { folder, node, storage } = await pruneNode(n8n);
	const ours = await writeDaily(storage, 4);
	const dumps = [1, 2, 3, 4].map((day) => `shop_2026010${day}.sql.gz`);
	for (const file of [...dumps, 'cron.log']) {
		writeFileSync(join(folder, file), file === 'cron.log' ? 'done' : gzipSync(DUMP));
		utimesSync(join(folder, file), new Date('2026-01-05'), new Date('2026-01-05'));
	}
	const left = async () => ({
		ours: (await backupsIn(storage)).own,
		dumps: readdirSync(folder).filter((name) => name.endsWith('.gz')),
		log: readdirSync(folder).includes('cron.log'),
	});
	return { folder, credentials: node.credentials, ours, dumps, left };
}

const KEEP_TWO = { patterns: '/shop_*.sql.gz', daily: 2, weekly: 0, monthly: 0 };

it('lists and verifies the files of scripts, and deletes once it is told to, by the template of a move', async () => {
	const { credentials, ours, dumps, left } = await leftByScripts();
	const planned = await runNow('scripts-migration.json', 'move-plan', credentials, KEEP_TWO);
	expect(planned.data.resultData.error).toBeUndefined();
	expect(await left()).toEqual({ ours, dumps, log: true });
	expect(mail.mails[0]!.content).toContain('Subject: Files of scripts: 2 verified, 2 would go');
	for (const dump of dumps) expect(mail.mails[0]!.content).toContain(dump);
	const settings = { ...KEEP_TWO, verifyAll: false, deletes: true };
	expect((await runNow('scripts-migration.json', 'move-now', credentials, settings)).status).toBe('success');
	expect(mail.mails[1]!.content).toContain('Subject: Files of scripts: 1 verified, 2 go');
	expect(await left()).toEqual({ ours, dumps: dumps.slice(2), log: true });
});

it('deletes no file of a script while one is bad, a pattern fits none, or nobody can be told, by the template of a move', async () => {
	const { folder, credentials, ours, dumps, left } = await leftByScripts();
	mail.refuse();
	const settings = { ...KEEP_TWO, deletes: true };
	expect((await runNow('scripts-migration.json', 'move-unmailed', credentials, settings)).status).toBe('error');
	await mail.stop();
	mail = await startMailReceiver();
	truncateSync(join(folder, dumps[3]!), 70);
	utimesSync(join(folder, dumps[3]!), new Date('2026-01-05'), new Date('2026-01-05'));
	const both = { ...settings, patterns: '/shop_*.sql.gz, dumps/*.sql' };
	const execution = await runNow('scripts-migration.json', 'move-bad', credentials, both);
	expect(execution.data.resultData.error?.message).toMatch(
		/^Files of scripts not verified, and nothing deleted: shop_20260104\.sql\.gz: .*dumps\/\*\.sql: No file fits/,
	);
	expect(mail.mails[0]!.content).toMatch(
		/Files of scripts: 2 not good, nothing is deleted.*- shop_20260104\.sql\.gz: /,
	);
	expect(await left()).toEqual({ ours, dumps, log: true });
});

it('copies the week, compares the copies, and tells what has none, by the weekly template', async () => {
	const { folder, node, storage } = await pruneNode(n8n);
	const keys = await writeDaily(storage, 3);
	await writeBackup(storage, 0, { kind: 'files', name: 'documents', needs: [randomUUID()] });
	writeFileSync(join(folder, 'postgres', 'lost.sql.manifest.json'), '{');
	expect((await runNow('weekly-snapshot.json', 'week-first', node.credentials, {})).status).toBe('success');
	const { own, weekly } = await backupsIn(storage);
	expect(own).toEqual(expect.arrayContaining(keys));
	expect(weekly).toEqual([expect.stringMatching(/^weekly\/\d{4}_W\d\d\/shop_/)]);
	// Where a week begins between the backups and the run, the copy is one of last week, and none of this week.
	expect(mail.mails[0]!.content).toMatch(/Subject: Weekly copies of \d{4}_W\d\d: 1 made, [23] without/);
	expect(mail.mails[0]!.content).toContain(weekly[0]);
	expect(mail.mails[0]!.content).toMatch(/Without a copy.*- postgres\/lost\.sql\.manifest\.json: .*- files documents/);
	expect((await runNow('weekly-snapshot.json', 'week-again', node.credentials, {})).status).toBe('success');
	expect(mail.mails[1]!.content).toContain('None was to be made.');
});

it('ends with an error where a copy is not what was stored, by the weekly template', async () => {
	const { folder, node, storage } = await pruneNode(n8n);
	flipBit(join(folder, await writeBackup(storage, 0)));
	const execution = await runNow('weekly-snapshot.json', 'week-bad', node.credentials, {});
	expect(execution.data.resultData.error?.message).toMatch(/^Weekly copies failed: weekly\/\d{4}_W\d\d\/shop_/);
	expect(mail.mails[0]!.content).toMatch(/Weekly copies of \d{4}_W\d\d: 1 failed/);
});

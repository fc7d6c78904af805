import { readFileSync, writeFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { manifestKeyOf, parseManifest } from '../../engine/archive/index.ts';
import { ask, at, contentHash } from '../../test/services/qdrant-data.ts';
import { contentOfBucket, contentOfFolder, contentOfShop, keysOf, pathsBelow } from './contents.mjs';
import { execute, itemsOf, outputOf, publishGuarded, restoreByWebhook, writeSettings } from './execute.mjs';
import { DOCUMENTS, PICTURES } from './sample-objects.mjs';
import { ALIAS, liveCollection } from './sample-vectors.mjs';

export const dailyScenarios = [
	{ title: 'One template backs up everything at night, and mails one report', run: backUp },
];

export const disasterScenarios = [
	{ title: 'A script runs wild over all data: four webhooks undo it at once, after a dry run of each', run: undo },
	{ title: 'The servers are lost: one template brings everything back in order, after a dry run', run: recover },
];

const DAILY = 'daily-backup.json';
const RECOVERY = 'disaster-recovery.json';
const BUCKETS = [DOCUMENTS, PICTURES];

async function backUp(environment) {
	const { account, backups, documents, mail } = environment;
	await dropKept(environment);
	const mails = { mailFrom: 'n8n@example.com', mailTo: 'admin@example.com' };
	await writeSettings(environment, DAILY, { folder: documents, ...mails });
	const execution = await execute(environment, DAILY, 'Every Night at 02:00');
	const made = itemsOf(execution, 'All Backups').map(({ key }) => manifestOf(backups, key));
	const { subject } = outputOf(execution, 'Report');
	if (!mail.mails.some(({ content }) => content.includes(subject.slice(0, 40))))
		throw new Error('The report was not mailed.');
	account.backedUp(made);
	return [`${made.length} backups, mailed as "${subject}"`];
}

/** What safe swaps have kept, once somebody has looked at it. */
async function dropKept({ postgres, qdrant, shop }) {
	for (const name of await databasesOf(postgres, `${shop}_before_`)) await dropDatabase(postgres, name);
	const live = await liveCollection(qdrant);
	const { collections } = await ask(qdrant, 'GET', '/collections');
	for (const { name } of collections) if (name !== live) await ask(qdrant, 'DELETE', at(name));
}

async function databasesOf(postgres, beginning) {
	const sql = 'SELECT datname FROM pg_database WHERE starts_with(datname, $1)';
	const { rows } = await postgres.query('postgres', sql, [beginning]);
	return rows.map(({ datname }) => datname);
}

async function dropDatabase(postgres, name) {
	await postgres.query('postgres', `DROP DATABASE ${name} WITH (FORCE)`);
}

function manifestOf(backups, key) {
	return parseManifest(readFileSync(join(backups, manifestKeyOf(key)), 'utf8'), key);
}

/** Everything is still there, and all of it is wrong. */
async function undo(environment) {
	const { account, documents, objects, postgres, qdrant, shop } = environment;
	// A safe swap by an alias has left the articles in another collection, which backups are called after since.
	const collections = { [ALIAS]: await liveCollection(qdrant) };
	await publishGuarded(environment, 'qdrant-restore-webhook.json', { collections });
	await publishGuarded(environment, 'minio-restore-webhook.json', { buckets: { [DOCUMENTS]: DOCUMENTS } });
	await publishGuarded(environment, 'files-restore-webhook.json', { folders: { documents } });
	const before = await contentOfAll(environment);
	await postgres.query(shop, "UPDATE customers SET name = 'nobody', email = id::text; DELETE FROM orders");
	const everything = { must_not: [{ is_empty: { key: 'language' } }] };
	await ask(qdrant, 'POST', at(ALIAS, '/points/delete?wait=true'), { filter: everything });
	for (const key of await keysOf(objects.client, DOCUMENTS)) await objects.client.putObject(DOCUMENTS, key, 'Oops');
	for (const path of pathsBelow(documents)) writeFileSync(path, 'Oops');
	const started = Date.now();
	const undone = await Promise.all([
		undoOne(environment, 'restore-postgres', { database: shop, confirm: shop }),
		undoOne(environment, 'restore-qdrant', { collection: ALIAS, confirm: ALIAS }),
		undoOne(environment, 'restore-bucket', { bucket: DOCUMENTS, confirm: DOCUMENTS }),
		undoOne(environment, 'restore-files', { folder: 'documents', confirm: 'documents' }),
	]);
	const seconds = (Date.now() - started) / 1000;
	expectSame(before, await contentOfAll(environment));
	account.note(
		'Damaged and undone',
		`by four webhooks at once, each asked for its plan first: ${seconds.toFixed(1)} s`,
	);
	return [...undone, `All four after ${seconds.toFixed(1)} s, every row, vector, object and file as it was`];
}

async function undoOne(environment, path, body) {
	const { plan, told } = await restoreByWebhook(environment, path, body);
	return `${path}: the dry run would replace ${plan.replaces}; restored: ${told.result}`;
}

/** All that the template is for is gone, but for n8n itself, of which a scene of its own tells. */
async function recover(environment) {
	const { account, documents, shop } = environment;
	const kinds = ['postgres-globals', 'postgres', 'qdrant', 'minio', 'files'];
	const settings = { kinds, skip: ['postgres', 'n8n'], folders: { documents } };
	const before = await contentOfAll(environment);
	const lostAt = Date.now();
	await lose(environment);
	await writeSettings(environment, RECOVERY, { ...settings, dryRun: true });
	const dry = outputOf(await execute(environment, RECOVERY, 'When Clicking Execute'), 'Report');
	await writeSettings(environment, RECOVERY, { ...settings, dryRun: false });
	const report = outputOf(await execute(environment, RECOVERY, 'When Clicking Execute'), 'Report');
	expectSame(before, await contentOfAll(environment));
	if (!report.steps.some(({ name, state }) => name === shop && state === 'restored'))
		throw new Error(`The shop was not restored: ${report.text}`);
	account.recovered(report, lostAt);
	return [`Dry run: ${dry.summary}`, ...report.text.split('\n')];
}

/** Drops the shop with the copies of it that restores have kept, all collections, all buckets, and the folder. */
async function lose({ documents, objects, postgres, qdrant, shop }) {
	for (const name of await databasesOf(postgres, shop)) await dropDatabase(postgres, name);
	const { collections } = await ask(qdrant, 'GET', '/collections');
	for (const { name } of collections) await ask(qdrant, 'DELETE', at(name));
	for (const bucket of BUCKETS) {
		await objects.client.removeObjects(bucket, await keysOf(objects.client, bucket));
		await objects.client.removeBucket(bucket);
	}
	rmSync(documents, { recursive: true });
}

/** Of each system, a hash over all that it holds. */
async function contentOfAll({ documents, objects, postgres, qdrant, shop }) {
	const buckets = [];
	for (const bucket of BUCKETS) buckets.push([bucket, await contentOfBucket(objects, bucket)]);
	return new Map([
		['shop', await contentOfShop(postgres, shop)],
		['articles', await contentHash(qdrant, ALIAS)],
		...buckets,
		['folder', contentOfFolder(documents)],
	]);
}

function expectSame(before, after) {
	const others = [...before].filter(([name, hash]) => after.get(name) !== hash).map(([name]) => name);
	if (others.length > 0) throw new Error(`It is not as it was before: ${others.join(', ')}.`);
}

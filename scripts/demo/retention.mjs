import { createHash, randomUUID } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatManifest, manifestKeyOf, parseManifest } from '../../engine/archive/index.ts';
import { execute, itemsOf, outputOf } from './execute.mjs';

export const retentionScenarios = [
	{ title: 'Backups of a year are there, as nightly runs would have left them', run: age },
	{ title: 'The nightly prune mails a dry run, and then deletes just what that said', run: prune },
];

const DAY_MS = 24 * 60 * 60 * 1000;
/** Every night of the last two weeks, and every fourth week of the year before. */
const AGES = [
	...Array.from({ length: 14 }, (_, day) => day + 1),
	...Array.from({ length: 13 }, (_, n) => 28 * (n + 1)),
];
const MANIFEST = '.manifest.json';
/** The second output of Prune Retention. */
const SUMMARY = 1;

/** Puts the shop's backup there again under earlier times: the same dump, so every one of them restores. */
async function age({ backups, shop }) {
	const folder = join(backups, 'postgres');
	const found = readdirSync(folder).find((file) => file.startsWith(`${shop}_2`) && file.endsWith(MANIFEST));
	const manifest = parseManifest(readFileSync(join(folder, found), 'utf8'), found);
	for (const days of AGES) writeEarlier(folder, manifest, days);
	const files = await archives(folder, shop);
	return [`${files.length} backups of the shop, the oldest ${files[0]}`];
}

function writeEarlier(folder, manifest, days) {
	const earlier = (time) => new Date(Date.parse(time) - days * DAY_MS).toISOString();
	const startedAt = earlier(manifest.startedAt);
	const stamp = startedAt.slice(0, 19).replace(/[-:]/g, '').replace('T', '_');
	const file = manifest.file.replace(/\d{8}_\d{6}/, stamp);
	copyFileSync(join(folder, manifest.file), join(folder, file));
	if (sha256(join(folder, file)) !== manifest.sha256)
		throw new Error(`${file} is not the backup that it is a copy of.`);
	const content = { ...manifest, id: randomUUID(), file, startedAt, finishedAt: earlier(manifest.finishedAt) };
	writeFileSync(join(folder, manifestKeyOf(file)), formatManifest(content));
}

function sha256(path) {
	return createHash('sha256').update(readFileSync(path)).digest('hex');
}

async function archives(folder, shop) {
	const files = readdirSync(folder).filter((file) => file.startsWith(`${shop}_2`));
	return files.filter((file) => !file.endsWith('.json')).sort();
}

async function prune(environment) {
	const { backups, mail, shop } = environment;
	const folder = join(backups, 'postgres');
	const before = await archives(folder, shop);
	const execution = await execute(environment, 'retention-nightly-prune.json', 'Every Night at 04:00');
	const planned = outputOf(execution, 'Dry Run', SUMMARY);
	const done = outputOf(execution, 'Prune', SUMMARY);
	const message = mail.mails.find(({ content }) => content.includes(planned.subject));
	if (!message) throw new Error('The dry run was not mailed.');
	const going = itemsOf(execution, 'Dry Run').filter(({ outcome }) => outcome === 'wouldBeDeleted');
	const gone = new Set(going.map(({ key }) => key));
	const after = await archives(folder, shop);
	const expected = before.filter((file) => !gone.has(`postgres/${file}`));
	if (going.length === 0 || after.join() !== expected.join())
		throw new Error(`Not just what the dry run said was deleted, but for ${differing(after, expected).join(', ')}.`);
	const rows = itemsOf(execution, 'Prune');
	const copies = rows.filter(({ weeklyCopy }) => weeklyCopy === 'is one').map(({ key }) => key);
	environment.account.note(
		'Pruned',
		`${done.deleted} of ${done.deleted + done.kept} backups, just those that the dry run named; ${done.freed} freed`,
	);
	return [
		`Mailed to ${message.to}: "${planned.subject}"`,
		...table(rows.filter(({ name, key }) => name === shop && key.startsWith('postgres/'))),
		`${done.deleted} deleted, ${done.kept} kept, ${done.freed} freed`,
		`${copies.length} weekly copies: ${copies.join(', ')}`,
	];
}

function differing(after, expected) {
	return [...after.filter((file) => !expected.includes(file)), ...expected.filter((file) => !after.includes(file))];
}

function table(rows) {
	return rows.map(({ startedAt, outcome, reasons }) => `${startedAt.slice(0, 10)}  ${outcome.padEnd(7)}  ${reasons}`);
}

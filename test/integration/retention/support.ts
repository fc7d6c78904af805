import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';

import { createArchive, manifestKeyOf, parseManifest, formatManifest, type Manifest } from '../../../engine/archive';
import { prune, type KeepRules, type PruneOptions } from '../../../engine/retention';
import { FolderStorage, type Storage } from '../../../engine/storage';
import { all } from '../storage/content';
import { removeFolder, temporaryFolder } from '../../services/guard';

export { intercepted, removals } from './proxy';

export const DAY_MS = 24 * 60 * 60 * 1000;

export function temporaryRoot(): string {
	const root = temporaryFolder('retention');
	onTestFinished(() => removeFolder(root));
	return root;
}

export function temporaryStorage(): FolderStorage {
	return new FolderStorage({ root: temporaryRoot() });
}

/** A real archive that began some days ago, with its pointer. Resolves with its key. */
export async function writeBackup(
	storage: Storage,
	daysAgo: number,
	more: { name?: string; folder?: string } & Partial<Manifest> = {},
): Promise<string> {
	const { name = 'shop', folder = 'postgres', ...fields } = more;
	const writer = await createArchive({
		storage,
		folder,
		name,
		extension: 'sql',
		kind: 'postgres',
		startedAt: new Date(Date.now() - daysAgo * DAY_MS),
		codec: { name: 'none' },
	});
	await writer.frame({ type: 'data' }, Buffer.from(`-- ${name}, ${daysAgo} days ago\n`));
	await writer.commit({ source: { system: 'test', version: '1' }, counts: {} });
	if (Object.keys(fields).length > 0) await changeManifest(storage, writer.key, fields);
	return writer.key;
}

/** Backups of the last so many days, the newest last, so that the pointer is right. Keys newest first. */
export async function writeDaily(storage: Storage, days: number, more: { name?: string } = {}): Promise<string[]> {
	const keys: string[] = [];
	for (let daysAgo = days - 1; daysAgo >= 0; daysAgo--) keys.unshift(await writeBackup(storage, daysAgo, more));
	return keys;
}

export async function changeManifest(storage: Storage, key: string, fields: Partial<Manifest>): Promise<void> {
	const manifest = parseManifest(await textOf(storage, manifestKeyOf(key)), key);
	await storage.replace(manifestKeyOf(key), Buffer.from(formatManifest({ ...manifest, ...fields })));
}

/** A record beside an archive by which its verification has failed. */
export async function recordFailure(storage: Storage, key: string): Promise<void> {
	const { id } = parseManifest(await textOf(storage, manifestKeyOf(key)), key);
	const at = new Date().toISOString();
	const how = { findings: [], duration: 1, throughput: 1, version: '1.0.0' };
	const entry = { id, at, verdict: 'failed', requested: 'integrity', ...how };
	const content = JSON.stringify({ formatVersion: 1, history: [entry] });
	await storage.replace(`${key}.verification.json`, Buffer.from(content));
}

export async function bytesOf(storage: Storage, key: string): Promise<Buffer> {
	return await buffer(await storage.read(key));
}

export async function textOf(storage: Storage, key: string): Promise<string> {
	return (await bytesOf(storage, key)).toString();
}

/** Everything but retention's own, sorted. */
/** The lines of the stored catalogue. */
export async function catalogTextOf(storage: Storage): Promise<string> {
	const chunks: Uint8Array[] = [];
	for await (const chunk of await storage.read('.stack-backup/catalog.jsonl.gz')) chunks.push(chunk as Uint8Array);
	return gunzipSync(Buffer.concat(chunks)).toString();
}

export async function keysIn(storage: Storage): Promise<string[]> {
	const keys = (await all(storage.list(''))).map(({ key }) => key);
	return keys.filter((key) => !key.startsWith('.stack-backup/')).sort();
}

/** The archives and their manifests. */
export function withManifests(keys: string[]): string[] {
	return keys.flatMap((key) => [key, manifestKeyOf(key)]).sort();
}

/** Prunes, the share left out of it. */
export function pruneBy(storage: Storage, rules: KeepRules, more: Partial<PruneOptions> = {}) {
	return prune({ storage, policy: { rules, maxDeletedShare: 1 }, owner: 'test', ...more });
}

/** The archives and manifests among the keys, without pointers. */
export async function backupsIn(storage: Storage): Promise<string[]> {
	return (await keysIn(storage)).filter((key) => !key.endsWith('_latest'));
}

/** A time at which what was written just now is older than a day. */
export const tomorrow = () => new Date(Date.now() + 2 * DAY_MS);

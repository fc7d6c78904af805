import { createArchive, FolderStorage, formatManifest, keyIn, listManifests, manifestKeyOf } from '../../engine';
import type { BackupKind, Manifest, Storage } from '../../engine';
import { NodeRunner } from './node-runner';
import { type NodeHost, PACKAGE, type Runnable } from './workflow';

export const NODE_TYPE = `${PACKAGE}.pruneRetention`;

const DAY_MS = 24 * 60 * 60 * 1000;

/** Prune Retention with a fresh folder as the storage. */
export async function pruneNode<W extends Runnable>(n8n: NodeHost<W>) {
	const { folder, node } = await NodeRunner.withFolder(n8n, NODE_TYPE, {});
	return { folder, node, storage: new FolderStorage({ root: folder }) };
}

/** A small archive as a node would have made it so many days ago. Resolves with its key. */
export async function writeBackup(
	storage: Storage,
	daysAgo: number,
	{ kind = 'postgres', name = 'shop', ...more }: { kind?: BackupKind } & Partial<Manifest> = {},
): Promise<string> {
	const writer = await createArchive({
		storage,
		folder: kind,
		name,
		extension: 'sql',
		kind,
		startedAt: new Date(Date.now() - daysAgo * DAY_MS),
		codec: { name: 'none' },
	});
	await writer.frame({ type: 'data' }, Buffer.from(`-- ${name}, ${daysAgo} days ago\n`));
	const manifest = await writer.commit({ source: { system: 'test', version: '1' }, counts: {} });
	if (Object.keys(more).length > 0) {
		const content = formatManifest({ ...manifest, ...more });
		await storage.replace(manifestKeyOf(writer.key), Buffer.from(content));
	}
	return writer.key;
}

/** One backup a day, for so many days. Keys, newest first. */
export async function writeDaily(storage: Storage, days: number, more: { name?: string; kind?: BackupKind } = {}) {
	const keys: string[] = [];
	for (let daysAgo = days - 1; daysAgo >= 0; daysAgo--) keys.unshift(await writeBackup(storage, daysAgo, more));
	return keys;
}

/** The keys of all backups whose archive is there as its manifest says, newest first; weekly copies apart. */
export async function backupsIn(storage: Storage): Promise<{ own: string[]; weekly: string[] }> {
	const { backups } = await listManifests(storage, '');
	const keys = backups
		.filter(({ foundSize, manifest }) => foundSize === manifest.size.stored)
		.map(({ folder, manifest }) => keyIn(folder, manifest.file));
	return {
		own: keys.filter((key) => !key.startsWith('weekly/')),
		weekly: keys.filter((key) => key.startsWith('weekly/')),
	};
}

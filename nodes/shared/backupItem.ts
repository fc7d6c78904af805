import type { IDataObject } from 'n8n-workflow';

import { type Manifest, manifestDocument } from '../../engine';

import { backupColumns } from './backupColumns';
import { itemOf } from './simplify';

const MB = 1_000_000;

/** What only one kind of backup has: what it is of, and what it holds. */
export interface BackupContent {
	name: IDataObject;
	content: IDataObject;
}

/** Tells what only one kind of backup has. */
export type ContentOf = (manifest: Manifest) => BackupContent;

/** What an item says of a backup. Bytes, seconds, megabytes (of raw data) a second; never secrets. */
export function describeBackup(manifest: Manifest, key: string, contentOf: ContentOf): IDataObject {
	const { size, source } = manifest;
	const { name, content } = contentOf(manifest);
	const seconds = (Date.parse(manifest.finishedAt) - Date.parse(manifest.startedAt)) / 1000;
	return {
		id: manifest.id,
		kind: manifest.kind,
		...name,
		file: manifest.file,
		key,
		storedBytes: size.stored,
		rawBytes: size.raw,
		ratio: size.stored > 0 ? rounded(size.raw / size.stored) : 0,
		durationSeconds: seconds,
		throughputMBps: seconds > 0 ? rounded(size.raw / MB / seconds) : null,
		...content,
		serverVersion: source.version,
		sha256: manifest.sha256,
		codec: manifest.codec.name,
		encrypted: manifest.encryption !== null,
		warnings: manifest.warnings,
		tags: manifest.tags,
		startedAt: manifest.startedAt,
		finishedAt: manifest.finishedAt,
		runId: manifest.runId ?? null,
	};
}

/** A backup that was just made. */
export interface MadeBackup {
	manifest: Manifest;
	key: string;
	/** Those of the backup, and of the run that made it. */
	warnings: string[];
	contentOf: ContentOf;
	/** Whether it goes out as binary data instead of lying in a storage. */
	isBinary: boolean;
}

/**
 * The item of Back Up. What goes out as binary data has its manifest beside it, as the text of the file that a storage would
 * have: Restore wants it again, and nothing else keeps it. The key, which is of no storage then, makes room for it.
 */
export function madeItem({ manifest, key, warnings, contentOf, isBinary }: MadeBackup, isSimple: boolean): IDataObject {
	const text = isBinary ? { manifest: JSON.stringify(manifestDocument(manifest)) } : {};
	const columns = { ...backupColumns(manifest, { key: isBinary ? undefined : key, warnings }), ...text };
	return itemOf(columns, { ...describeBackup(manifest, key, contentOf), warnings, ...text }, isSimple);
}

/** What the item of a restore says of the backup. */
export function describeRestored({ id, file, startedAt, partial }: Manifest) {
	return { id, file, startedAt, partial: partial !== undefined };
}

export type RestoredBackup = ReturnType<typeof describeRestored>;

/** To two digits behind the point. */
export function rounded(value: number): number {
	return Math.round(value * 100) / 100;
}

import type { IDataObject } from 'n8n-workflow';

import type { Manifest } from '../../engine';

const MB = 1_000_000;

/** What an item says of a backup. Bytes, seconds, megabytes (of raw data) a second; never secrets. */
export function describeBackup(manifest: Manifest, key: string): IDataObject {
	const { size, source } = manifest;
	const seconds = (Date.parse(manifest.finishedAt) - Date.parse(manifest.startedAt)) / 1000;
	return {
		id: manifest.id,
		kind: manifest.kind,
		database: manifest.kind === 'postgres' ? manifest.name : null,
		file: manifest.file,
		key,
		storedBytes: size.stored,
		rawBytes: size.raw,
		ratio: size.stored > 0 ? rounded(size.raw / size.stored) : 0,
		durationSeconds: seconds,
		throughputMBps: seconds > 0 ? rounded(size.raw / MB / seconds) : null,
		content: manifest.partial?.content ?? 'all',
		partial: manifest.partial !== undefined,
		selection: manifest.partial?.selection ?? [],
		counts: manifest.counts,
		tables: manifest.tables ?? [],
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

function rounded(value: number): number {
	return Math.round(value * 100) / 100;
}

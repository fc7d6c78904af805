import type { IDataObject } from 'n8n-workflow';

import type { Manifest } from '../../engine';

const MB = 1_000_000;

/** What an item says of a backup. Bytes, seconds, megabytes (of raw data) a second; never secrets. */
export function describeBackup(manifest: Manifest, key: string): IDataObject {
	const { size, source } = manifest;
	const seconds = (Date.parse(manifest.finishedAt) - Date.parse(manifest.startedAt)) / 1000;
	return {
		id: manifest.id,
		runId: manifest.runId ?? null,
		kind: manifest.kind,
		database: manifest.kind === 'postgres' ? manifest.name : null,
		file: manifest.file,
		key,
		startedAt: manifest.startedAt,
		finishedAt: manifest.finishedAt,
		durationSeconds: seconds,
		rawBytes: size.raw,
		storedBytes: size.stored,
		ratio: size.stored > 0 ? rounded(size.raw / size.stored) : 0,
		throughputMBps: seconds > 0 ? rounded(size.raw / MB / seconds) : null,
		codec: manifest.codec.name,
		encrypted: manifest.encryption !== null,
		serverVersion: source.version,
		sha256: manifest.sha256,
		counts: manifest.counts,
		tables: manifest.tables ?? [],
		tags: manifest.tags,
		warnings: manifest.warnings,
	};
}

function rounded(value: number): number {
	return Math.round(value * 100) / 100;
}

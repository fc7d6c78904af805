import type { IDataObject } from 'n8n-workflow';

import {
	type AnomalyOptions,
	type KnownBackup,
	type DamagedManifest,
	findAnomalies,
	type ManifestSummary,
	NewerManifest,
	seriesIn,
} from '../../engine';

import { mainCount } from '../shared/backupColumns';
import { readableSize } from '../shared/listSearch/size';
import { itemOf } from '../shared/simplify';

import type { Outcome } from '../shared/outcome';
import { ageHours } from './reportItem';

const WHAT_TO_DO =
	'Look whether the source has changed so much. If it has not, verify this backup and keep the earlier ones.';

/** The newest backup of each series and selection. @param entries newest first, all that there are */
export function newestOfEach(entries: readonly KnownBackup[]): KnownBackup[] {
	const newest = new Map<string, KnownBackup>();
	const series = seriesIn(entries);
	for (const entry of entries) {
		const { partial } = entry.manifest;
		const line = JSON.stringify([series.get(entry), partial && [partial.content, [...partial.selection].sort()]]);
		if (!newest.has(line)) newest.set(line, entry);
	}
	return [...newest.values()];
}

/**
 * The backups of a series by one of them, each once: weekly copies have the id of what they are copies of, and would count
 * twice in a trend.
 */
export function seriesWith(
	one: KnownBackup,
	entries: readonly KnownBackup[],
	series = seriesIn(entries),
): ManifestSummary[] {
	const found = entries.find(({ key }) => key === one.key);
	const wanted = found && series.get(found);
	const same = entries.filter((entry) => series.get(entry) === wanted);
	return [...new Map(same.map(({ manifest }) => [manifest.id, manifest])).values()];
}

/** What an item says of a backup beside the earlier ones. */
export function trendOutcome(
	{ manifest, key }: KnownBackup,
	manifests: readonly ManifestSummary[],
	options: AnomalyOptions,
	isSimple: boolean,
): Outcome {
	const anomalies = findAnomalies(manifest, manifests, options);
	const { id, kind, name, counts, size, startedAt, finishedAt } = manifest;
	const passed = anomalies.length === 0;
	const problem = passed ? null : anomalies.map(({ message }) => message).join(' ');
	const columns = {
		name,
		verdict: passed ? 'passed' : 'unusual',
		problem,
		kind,
		size: readableSize(size.stored),
		...mainCount(manifest),
		startedAt,
		key,
		id,
	};
	const details: IDataObject = {
		problem,
		hint: passed ? null : WHAT_TO_DO,
		anomalies: anomalies.map((one) => ({ ...one, median: one.median ?? null })),
		counts,
		storedBytes: size.stored,
		rawBytes: size.raw,
		durationSeconds: (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000,
		ageHours: ageHours(manifest),
	};
	return { json: itemOf(columns, details, isSimple), passed, told: `${key}: ${problem ?? 'as usual'}` };
}

/** The item for a manifest that cannot be read: whatever it is of, it is in no trend. */
export function damagedOutcome({ manifestKey, error }: DamagedManifest, isSimple: boolean): Outcome {
	const verdict = error instanceof NewerManifest ? 'incomplete' : 'failed';
	const columns = { verdict, problem: error.message, key: manifestKey };
	const details = { hint: error.hint ?? null, kind: null, name: null, id: null, anomalies: [] };
	return { json: itemOf(columns, details, isSimple), passed: false, told: `${manifestKey}: ${error.message}` };
}

import type { ManifestSummary } from '../archive';
import { type BackupSystem, findKind } from './system';

/** What a trend looks at of a manifest. */
export type TrendFacts = Pick<
	ManifestSummary,
	'id' | 'kind' | 'name' | 'startedAt' | 'finishedAt' | 'size' | 'counts' | 'codec' | 'encryption' | 'partial' | 'needs'
>;

/** What is looked at of a backup: `size`, `duration`, or a count that its system measures, such as `rows`. */
export type AnomalyMeasure = string;

export interface AnomalyOptions {
	/** How many earlier backups make the trend, at most; by default 30. */
	window?: number;
	/** How many earlier backups it takes for a trend; by default 5. */
	minSamples?: number;
	/** How far from the median is an anomaly, in robust standard deviations (1.4826 times the median absolute deviation); by default 5. */
	deviations?: number;
	/** Deviations of less than this share of the median are never reported; by default 0.3. */
	minShare?: number;
	/** What to look at; by default, all measures. */
	measures?: readonly AnomalyMeasure[];
}

export interface Anomaly {
	measure: AnomalyMeasure;
	value: number;
	/** The median of the earlier backups; undefined where there are too few of them. */
	median: number | undefined;
	samples: number;
	/** A sentence: `The stored size, 1.2 MB, is 83 % below 7.1 MB, the median of the last 14 backups.` */
	message: string;
}

/** Makes the median absolute deviation comparable with a standard deviation (of normally distributed values). */
const MAD_TO_DEVIATION = 1.4826;

/** Milliseconds. Shorter durations vary with whatever else a machine does, so they are never an anomaly. */
const SHORT_MS = 10_000;

/** The measures that backups of all systems have. */
const SIZE = 'size';
const DURATION = 'duration';

/** What the words of a count begin with. */
const NUMBER_OF = 'number of ';

/** Each measure in words, in the order in which they are looked at. Those that the systems bring are counts of the manifest. */
function wordsOf(systems: readonly BackupSystem[]): Record<AnomalyMeasure, string> {
	const counts = Object.assign({}, ...systems.map(({ measures }) => measures)) as Record<string, string>;
	return { [SIZE]: 'stored size', ...counts, [DURATION]: 'duration' };
}

/** What can be looked at of backups of these systems. */
export function measuresOf(systems: readonly BackupSystem[]): AnomalyMeasure[] {
	return Object.keys(wordsOf(systems));
}

/**
 * Compares a backup with earlier ones of the same kind and name; a partial one with those of the same selection.
 * That a count has dropped to none is reported even where there is no trend yet. Pieces of a log have none: each holds what was written
 * since the one before.
 * @param manifests in any order; those that do not belong to the trend are passed over
 */
export function findAnomalies(
	systems: readonly BackupSystem[],
	manifest: TrendFacts,
	manifests: readonly TrendFacts[],
	options: AnomalyOptions = {},
): Anomaly[] {
	const system = findKind(systems, manifest.kind)?.system;
	if (system?.logs?.some(({ pieces }) => pieces === manifest.kind)) return [];
	// Several systems have a count of the same name, and other words for it.
	const words = { ...wordsOf(systems), ...system?.measures };
	const { window = 30, minSamples = 5, measures = Object.keys(words) } = options;
	const trend = trendOf(manifest);
	const before = manifests
		.filter((other) => other.startedAt < manifest.startedAt && other.id !== manifest.id && trendOf(other) === trend)
		.sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
	return measures.flatMap((measure) => {
		const value = valueOf(manifest, measure);
		const earlier = before
			.filter((other) => isComparable(measure, manifest, other))
			.slice(0, window)
			.map((other) => valueOf(other, measure))
			.filter((found) => found !== undefined);
		if (value === undefined || earlier.length === 0) return [];
		const word = words[measure] ?? measure;
		const found = vanished({ measure, word }, value, earlier);
		if (found) return [found];
		return earlier.length < minSamples ? [] : offTheTrend({ measure, word }, value, earlier, options);
	});
}

/** Names the trend that a backup belongs to. */
function trendOf({ kind, name, partial, encryption, codec }: TrendFacts): string {
	const part = partial && [partial.content, [...partial.selection].sort()];
	// Another codec or an encryption makes another size.
	return JSON.stringify([kind, name, part, codec.name, encryption !== null]);
}

/** An increment takes less room and time than a whole backup, and that is no news; both hold as much. */
function isComparable(measure: AnomalyMeasure, one: TrendFacts, other: TrendFacts): boolean {
	const isIncrement = ({ needs = [] }: TrendFacts) => needs.length > 0;
	return (measure !== SIZE && measure !== DURATION) || isIncrement(one) === isIncrement(other);
}

function valueOf(manifest: TrendFacts, measure: AnomalyMeasure): number | undefined {
	switch (measure) {
		case SIZE:
			return manifest.size.stored;
		case DURATION:
			return Math.max(0, Date.parse(manifest.finishedAt) - Date.parse(manifest.startedAt));
		default:
			return manifest.counts[measure];
	}
}

function vanished(
	{ measure, word }: { measure: AnomalyMeasure; word: string },
	value: number,
	earlier: number[],
): Anomaly | undefined {
	const what = word.startsWith(NUMBER_OF) ? word.slice(NUMBER_OF.length) : measure;
	const [last = 0] = earlier;
	if (measure === SIZE || measure === DURATION || value > 0 || last === 0) return undefined;
	return {
		measure,
		value,
		median: medianOf(earlier),
		samples: earlier.length,
		message: `It holds no ${what}; the backup before it held ${shown(measure, last)}.`,
	};
}

function offTheTrend(
	{ measure, word }: { measure: AnomalyMeasure; word: string },
	value: number,
	earlier: number[],
	{ deviations = 5, minShare = 0.3 }: AnomalyOptions,
): Anomaly[] {
	const median = medianOf(earlier);
	const deviation = MAD_TO_DEVIATION * medianOf(earlier.map((other) => Math.abs(other - median)));
	const distance = Math.abs(value - median);
	const isShort = measure === DURATION && Math.max(value, median) < SHORT_MS;
	if (isShort || distance <= deviations * deviation || distance < minShare * median || distance === 0) return [];
	const share = median === 0 ? '' : `${Math.round((100 * distance) / median)} % `;
	const message =
		`The ${word}, ${shown(measure, value)}, is ${share}${value < median ? 'below' : 'above'} ` +
		`${shown(measure, median)}, the median of the last ${earlier.length} backups.`;
	return [{ measure, value, median, samples: earlier.length, message }];
}

function medianOf(values: readonly number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function shown(measure: AnomalyMeasure, value: number): string {
	if (measure === SIZE || measure === 'bytes') return bytesShown(value);
	if (measure === DURATION) return `${(value / 1000).toFixed(value < 100_000 ? 1 : 0)} s`;
	return String(Math.round(value));
}

function bytesShown(bytes: number): string {
	const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];
	const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
	return power === 0 ? `${Math.round(bytes)} bytes` : `${(bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}

/** What a manifest says of a stretch of WAL. */
import type { Manifest } from '../../../archive';
import type { PostgresConnection } from '../../connection';
import { stateHistory, type Ancestor } from '../coverage';
import { formatLsn, type Lsn } from '../lsn';
import type { Cluster } from '../cluster';
import type { WalFacts } from './walFacts';

/** A stretch that is about to be stored. */
export interface StretchContent {
	timeline: number;
	history: readonly Ancestor[];
	startLsn: Lsn;
	endLsn: Lsn;
	segments: number;
	isPartial: boolean;
	facts: WalFacts;
	/** When it was all there, by the server's clock, in milliseconds; undefined where nobody knows. */
	endTime: number | undefined;
}

/** `source` of a manifest. */
export function stretchSource(
	{ timeline, history, startLsn, endLsn, isPartial, facts, endTime }: StretchContent,
	{ systemIdentifier, version, segmentBytes }: Pick<Cluster, 'systemIdentifier' | 'version' | 'segmentBytes'>,
	connection: Pick<PostgresConnection, 'host' | 'port'> | undefined,
): Manifest['source'] {
	return {
		system: 'PostgreSQL',
		version,
		...(connection && { host: connection.host, port: connection.port }),
		systemIdentifier,
		timeline,
		startLsn: formatLsn(startLsn),
		endLsn: formatLsn(endLsn),
		segmentBytes,
		firstTime: isoTime(facts.firstTime),
		lastTime: isoTime(facts.lastTime),
		endTime: endTime === undefined ? null : new Date(endTime).toISOString(),
		partialSegment: isPartial,
		...(facts.restorePoints.length > 0 && {
			restorePoints: facts.restorePoints.map(({ name, lsn, time }) => ({
				name,
				lsn: formatLsn(lsn),
				time: isoTime(time),
			})),
		}),
		...(history.length > 0 && { history: stateHistory(history) }),
	};
}

/** `counts` of a manifest. */
export function stretchCounts({ segments, facts }: StretchContent): Manifest['counts'] {
	const { records, commits, restorePointCount } = facts;
	return { segments, records, transactions: commits, restorePoints: restorePointCount };
}

/** @param time microseconds since 1970; the result has them all: `2026-06-01T12:00:00.123456Z` */
export function isoTime(time: number | undefined): string | null {
	if (time === undefined) return null;
	const seconds = Math.floor(time / 1_000_000);
	const micros = String(time - seconds * 1_000_000).padStart(6, '0');
	return new Date(seconds * 1000).toISOString().replace('.000Z', `.${micros}Z`);
}

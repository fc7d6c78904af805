import type { IDataObject } from 'n8n-workflow';

import { formatLsn, readableSize, type FollowProgress, type LostWal, type Manifest } from '../../engine';
import { itemOf } from '../shared/simplify';

const text = (value: unknown) => (typeof value === 'string' ? value : undefined);

/** What was stored, as an item. @param progress undefined for a single run, which does not go on */
export function storedItem(
	manifest: Manifest,
	key: string,
	progress: Pick<FollowProgress, 'lag' | 'bytesPerSecond'> | undefined,
	isSimple: boolean,
): IDataObject {
	const { name, source, counts, size, id } = manifest;
	const columns = {
		event: 'stored',
		name,
		storedUntil: text(source['endTime']) ?? text(source['lastTime']),
		segments: counts['segments'],
		size: readableSize(size.stored),
		lag: progress === undefined ? undefined : readableSize(progress.lag),
		rate: progress === undefined ? undefined : `${readableSize(progress.bytesPerSecond)}/s`,
		state: source['partialSegment'] === true ? 'beginning of a segment' : 'whole segments',
		key,
		id,
	};
	const details = {
		lagBytes: progress?.lag ?? null,
		bytesPerSecond: progress?.bytesPerSecond ?? null,
		startLsn: source['startLsn'],
		endLsn: source['endLsn'],
		timeline: source['timeline'],
		firstTime: source['firstTime'],
		lastTime: source['lastTime'],
		transactions: counts['transactions'] ?? 0,
		systemIdentifier: source['systemIdentifier'],
		sizeBytes: size.stored,
		rawBytes: size.raw,
	} as IDataObject;
	return itemOf(columns, details, isSimple);
}

/** WAL that is lost, as an item: a base backup is to be made. */
export function gapItem(name: string, { timeline, startLsn, endLsn }: LostWal, isSimple: boolean): IDataObject {
	const columns = {
		event: 'gap',
		name,
		state: `WAL is lost from ${formatLsn(startLsn)} to ${formatLsn(endLsn)}: make a base backup`,
		size: readableSize(Number(endLsn - startLsn)),
		needsBaseBackup: true,
	};
	const details = { timeline, startLsn: formatLsn(startLsn), endLsn: formatLsn(endLsn) };
	return itemOf(columns, details, isSimple);
}

import type { IExecuteFunctions } from 'n8n-workflow';

import { Bandwidth, gatedStorage, type Storage } from '../../engine';

import { collectionOf, decimalOf, type Fields } from './fields';

const BYTES_IN_MB = 1_000_000;
/** Below this, connections would stand still for so long between two chunks that servers close them. */
const LEAST_MB = 0.1;
const MOST_MB = 100_000;
const LABEL = 'Bandwidth Limit (MB/s)';

/** What the option Bandwidth Limit asks for; undefined for none. One for all that a run moves. @throws BackupError INVALID_INPUT */
export function bandwidthIn(options: Fields): Bandwidth | undefined {
	const value = options['bandwidthLimit'];
	if (value === undefined || value === null || value === '') return undefined;
	const megabytes = decimalOf(value, LABEL, { min: LEAST_MB, max: MOST_MB, zero: 'no limit' });
	return megabytes === 0 ? undefined : new Bandwidth(megabytes * BYTES_IN_MB);
}

/** The storage, whose reads and writes keep to the option Bandwidth Limit. @throws BackupError INVALID_INPUT */
export function limitedStorage(context: IExecuteFunctions, item: number, storage: Storage): Storage {
	const bandwidth = bandwidthIn(collectionOf(context, 'options', item, 'Options'));
	return bandwidth ? gatedStorage(storage, bandwidth) : storage;
}

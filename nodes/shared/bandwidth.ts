import type { IExecuteFunctions } from 'n8n-workflow';

import { Bandwidth, BackupError, gatedStorage, type Storage } from '../../engine';

import { collectionOf, type Fields } from './fields';

const BYTES_IN_MB = 1_000_000;
/** Below this, connections would stand still for so long between two chunks that servers close them. */
const LEAST_MB = 0.1;
const MOST_MB = 100_000;
const LABEL = 'Bandwidth Limit (MB/s)';

/** What the option Bandwidth Limit asks for; undefined for none. One for all that a run moves. @throws BackupError INVALID_INPUT */
export function bandwidthIn(options: Fields): Bandwidth | undefined {
	const value = options['bandwidthLimit'];
	if (value === undefined || value === null || value === '') return undefined;
	const number = typeof value === 'string' ? Number(value) : value;
	if (number === 0) return undefined;
	if (typeof number === 'number' && number >= LEAST_MB && number <= MOST_MB) {
		return new Bandwidth(number * BYTES_IN_MB);
	}
	throw new BackupError('INVALID_INPUT', `${LABEL} is ${(JSON.stringify(value) ?? typeof value).slice(0, 40)}.`, {
		hint: `Give a number from ${LEAST_MB} to ${MOST_MB}, or 0 for no limit.`,
	});
}

/** The storage, whose reads and writes keep to the option Bandwidth Limit. @throws BackupError INVALID_INPUT */
export function limitedStorage(context: IExecuteFunctions, item: number, storage: Storage): Storage {
	const bandwidth = bandwidthIn(collectionOf(context, 'options', item, 'Options'));
	return bandwidth ? gatedStorage(storage, bandwidth) : storage;
}

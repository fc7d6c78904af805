import { type Fields, numberIn } from '../shared/fields';

/** The Parallel Connections option. @throws BackupError INVALID_INPUT */
export function parallelIn(options: Fields): number {
	return numberIn(options, 'parallel', 2, 'Parallel Connections', { min: 1, max: 32 });
}

/** The Connection Timeout option, in milliseconds. @throws BackupError INVALID_INPUT */
export function connectTimeoutIn(options: Fields): number {
	return 1000 * numberIn(options, 'connectTimeout', 30, 'Connection Timeout (Seconds)', { min: 1, max: 86_400 });
}

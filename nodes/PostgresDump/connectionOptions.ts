import { type Fields, numberIn } from '../shared/fields';

/** The Parallel Connections option. @throws BackupError INVALID_INPUT */
export function parallelIn(options: Fields): number {
	return numberIn(options, 'parallel', 2, 'Parallel Connections', { min: 1, max: 32 });
}

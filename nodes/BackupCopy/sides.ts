import { SECOND_STORAGE_CREDENTIAL, STORAGE_CREDENTIAL, type StorageCredentialType } from '../shared/storage';
import { oneOf } from '../shared/choice';

const DIRECTIONS = ['toSecond', 'fromSecond'] as const;

/** Which storage is copied from, and which to. @throws BackupError INVALID_INPUT */
export function sidesOf(direction: unknown): { from: StorageCredentialType; to: StorageCredentialType } {
	const isBack = oneOf(direction ?? 'toSecond', DIRECTIONS, 'Direction') === 'fromSecond';
	return isBack
		? { from: SECOND_STORAGE_CREDENTIAL, to: STORAGE_CREDENTIAL }
		: { from: STORAGE_CREDENTIAL, to: SECOND_STORAGE_CREDENTIAL };
}

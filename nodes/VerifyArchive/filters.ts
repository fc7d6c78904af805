import type { IExecuteFunctions } from 'n8n-workflow';

import { BACKUP_KINDS, type BackupKind } from '../../engine';
import { collectionOf, selectedIn } from '../shared/fields';

import { oneOf } from '../shared/choice';

/** Which backups of a storage are taken; what is not there narrows nothing down. */
export interface Filters {
	kinds?: BackupKind[];
	names?: string[];
}

/** The Filters collection. @throws BackupError INVALID_INPUT */
export function filtersOf(context: IExecuteFunctions, item: number): Filters {
	const fields = collectionOf(context, 'filters', item, 'Filters');
	const kinds = kindsOf(selectedIn(fields, 'kinds', 'Kinds'));
	const names = selectedIn(fields, 'names', 'Names');
	return { ...(kinds.length > 0 && { kinds }), ...(names.length > 0 && { names }) };
}

/** @throws BackupError INVALID_INPUT */
export function kindsOf(kinds: readonly string[]): BackupKind[] {
	return kinds.map((kind) => oneOf(kind, BACKUP_KINDS, 'Kinds'));
}

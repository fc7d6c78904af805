import type { IExecuteFunctions } from 'n8n-workflow';

import { BackupError, type CollectionSelection } from '../../engine';
import { archiveSettings } from '../shared/archiveSettings';
import { collectionOf } from '../shared/fields';
import { splitList } from '../shared/lists';

import { OWN_FOLDER } from './backupContent';

/** Which collections; undefined for the whole storage. @throws BackupError INVALID_INPUT where none is named */
function selectionOf(context: IExecuteFunctions, item: number): CollectionSelection | undefined {
	const mode = context.getNodeParameter('collectionMode', item) as 'all' | 'patterns' | 'chosen' | 'storage';
	if (mode === 'storage') return undefined;
	if (mode === 'chosen') {
		const names = splitList(context.getNodeParameter('collections', item), 'Selected Collections');
		if (names.length > 0) return { names };
		throw new BackupError('INVALID_INPUT', 'No collection is chosen.', { hint: 'Fill in Selected Collections.' });
	}
	const exclude = splitList(context.getNodeParameter('excludePatterns', item, ''), 'Exclude Patterns');
	if (mode === 'all') return { exclude };
	const patterns = splitList(context.getNodeParameter('patterns', item), 'Patterns');
	if (patterns.length > 0) return { patterns, exclude };
	throw new BackupError('INVALID_INPUT', 'No pattern is given.', {
		hint: 'Fill in Patterns, or set Collections to All.',
	});
}

/** The fields of Back Up as the engine wants them, except where to read from and where to write to. */
export function backUpSettings(context: IExecuteFunctions, item: number) {
	const options = collectionOf(context, 'options', item, 'Options');
	return {
		selection: selectionOf(context, item),
		archive: archiveSettings(context, item, options, OWN_FOLDER, 'own'),
		connection: options,
	};
}

export type BackUpSettings = ReturnType<typeof backUpSettings>;

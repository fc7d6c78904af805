import type { IExecuteFunctions } from 'n8n-workflow';

import type { SelectionChoices } from '../../engine';
import { splitList } from './lists';

/** What a list is cut at, where it stands in no braces: `*.{jpg,png}` is one pattern. */
const SEPARATORS = /[,\n](?![^{}\n]*\})/;

/** The patterns of a field, one a line or separated by commas. @throws BackupError INVALID_INPUT that names the field */
export function patternsOf(value: unknown, label: string): string[] {
	if (typeof value !== 'string') return splitList(value, label);
	return value
		.split(SEPARATORS)
		.map((pattern) => pattern.trim())
		.filter((pattern) => pattern !== '');
}

/** The pattern fields (descriptions/patterns.ts). @throws BackupError INVALID_INPUT */
export function patternChoices(
	context: IExecuteFunctions,
	item: number,
): Required<Pick<SelectionChoices, 'include' | 'exclude'>> {
	return {
		include: patternsOf(context.getNodeParameter('includePatterns', item, ''), 'Include Patterns'),
		exclude: patternsOf(context.getNodeParameter('excludePatterns', item, ''), 'Exclude Patterns'),
	};
}

/** A path in a backup as its index has it: relative, without `./` in front. */
export function pathInBackup(text: string): string {
	return text.trim().replace(/^(?:\.?\/+)+/, '');
}

import type { IExecuteFunctions } from 'n8n-workflow';

import { BackupError, type SelectionChoices } from '../../../engine';
import { locatedText } from '../fields';
import { patternChoices } from '../patterns';

/** How a node reads what is typed as the name of an entry. */
export interface SelectionReading {
	/** A prefix or a name as the index has it. */
	nameOf: (typed: string) => string;
	/** The choice of one entry. */
	choiceOf: (name: string) => SelectionChoices;
	/** What the field of one entry is called: `File or Folder`. */
	entryField: string;
}

/**
 * What of a backup is wanted, by the fields of descriptions/held.ts. An empty choice is refused: without it everything would be
 * meant. @throws BackupError INVALID_INPUT
 */
export function selectionChoices(
	context: IExecuteFunctions,
	item: number,
	{ nameOf, choiceOf, entryField }: SelectionReading,
): SelectionChoices {
	const what = context.getNodeParameter('what', item) as 'all' | 'prefix' | 'patterns' | 'entry';
	if (what === 'all') return {};
	if (what === 'prefix') {
		const prefix = nameOf(locatedText(context, 'prefix', item, 'Prefix'));
		if (prefix !== '') return { prefix };
		throw nothingChosen('No prefix is given.', 'Fill in Prefix, or set Restore to Everything.');
	}
	if (what === 'entry') {
		const name = nameOf(locatedText(context, 'entry', item, entryField));
		if (name !== '') return choiceOf(name);
		throw nothingChosen(`No ${entryField.toLowerCase()} is chosen.`, `Fill in ${entryField}.`);
	}
	const choices = patternChoices(context, item);
	if (choices.include.length + choices.exclude.length > 0) return choices;
	throw nothingChosen(
		'No pattern is given.',
		'Fill in Include Patterns or Exclude Patterns, or set Restore to Everything.',
	);
}

function nothingChosen(message: string, hint: string): BackupError {
	return new BackupError('INVALID_INPUT', message, { hint });
}

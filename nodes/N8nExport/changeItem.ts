import type { IDataObject } from 'n8n-workflow';

import type { BesideChange, Change, ComparedWorkflow } from '../../engine';
import { itemOf } from '../shared/simplify';

const LONGEST_VALUE = 200;

interface ItemChoices {
	withMoved: boolean;
	withValues: boolean;
	isSimple: boolean;
}

/** The items of one workflow: one for each change, or one where it came or went as a whole. */
export function changeItems({ result, id, name, changes }: ComparedWorkflow, choices: ItemChoices): IDataObject[] {
	const { withMoved, withValues, isSimple } = choices;
	const of = (change: Change) => {
		const columns = {
			workflow: name,
			change: change.change,
			what: change.what,
			node: change.node,
			path: change.path,
			...(withValues && { before: shown(change.before), after: shown(change.after) }),
			workflowId: id,
		};
		const details = {
			result,
			...(withValues && { valueBefore: plain(change.before), valueAfter: plain(change.after) }),
		};
		return itemOf(columns, details, isSimple);
	};
	if (result === 'added' || result === 'removed') return [of({ what: 'workflow', change: result })];
	return changes.filter(({ change }) => withMoved || change !== 'moved').map(of);
}

const KIND_WORDS = {
	tags: 'tag',
	variables: 'variable',
	projects: 'project',
	folders: 'folder',
	dataTables: 'data table',
};

/** The item of a change beside the workflows, in the columns of those of workflows. */
export function besideItem(
	{ kind, change, id, name, path, before, after }: BesideChange,
	{ withValues, isSimple }: Pick<ItemChoices, 'withValues' | 'isSimple'>,
): IDataObject {
	// How many rows there are, and which columns, is nothing secret; the value of a variable may be.
	const isShown = withValues || kind !== 'variables';
	const columns = {
		workflow: name,
		change,
		what: KIND_WORDS[kind],
		path,
		...(isShown && { before: shown(before), after: shown(after) }),
		workflowId: id,
	};
	return itemOf(columns, { kind }, isSimple);
}

/** A value as a cell of a table; empty where there is none. */
function shown(value: unknown): string {
	if (value === undefined || value === null) return '';
	const text = typeof value === 'string' ? value : JSON.stringify(value);
	return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}...` : text;
}

function plain(value: unknown): IDataObject[string] {
	return value ?? null;
}

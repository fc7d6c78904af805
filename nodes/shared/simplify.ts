/**
 * Items that can be read as a table. n8n shows a field a column: with Simplify on there are at most ten of them, the most
 * useful first, each a text, a number or a yes or no. Nested values would make every row as high as the screen, and a null is
 * shown in red, as if it were an error: what is not known is left out. With Simplify off there is everything, and those
 * fields with the same values under the same names, so that no expression breaks.
 */
import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';

import { yesNoIn } from './fields';

/** What stands in a table, in its order; what is undefined, null or an empty text is left out. */
export type Columns = Record<string, string | number | boolean | null | undefined>;

/** A text of more than these messages would make its row high. */
const MAX_MESSAGES = 3;

/** The Simplify field. @throws BackupError INVALID_INPUT */
export function isSimplified(context: Pick<IExecuteFunctions, 'getNodeParameter'>, item: number): boolean {
	const value: unknown = context.getNodeParameter('simplify', item, true);
	return yesNoIn({ simplify: value }, 'simplify', true, 'Simplify');
}

/**
 * The JSON of an item: the columns alone, or the columns and the details after them. A detail has the name of a column only
 * where it has the same value, or is null where the column is left out.
 */
export function itemOf(columns: Columns, details: IDataObject, isSimple: boolean): IDataObject {
	const known = Object.entries(columns).filter(([, value]) => value !== undefined && value !== null && value !== '');
	const simple = Object.fromEntries(known) as IDataObject;
	return isSimple ? simple : { ...simple, ...details };
}

/**
 * Gives all items of an output the same columns where Simplify is on, for n8n shows one that a row lacks as a red `undefined`:
 * 0 where the others have numbers, otherwise `false`, by which an expression branches as if there were none. What stands
 * for an error keeps its form, by which n8n knows it.
 */
export function withoutGaps(
	context: Pick<IExecuteFunctions, 'getNodeParameter'>,
	items: INodeExecutionData[],
): INodeExecutionData[] {
	const rows = items.filter(({ json }) => !('error' in json));
	// An operation without the field gives items that other operations take in, in which a filled gap would mean something.
	if (rows.length < 2 || context.getNodeParameter('simplify', 0, false) !== true) return items;
	const [widest] = rows.toSorted((a, b) => Object.keys(b.json).length - Object.keys(a.json).length);
	const fields = [widest, ...rows].flatMap((row) => Object.entries(row?.json ?? {}));
	const gaps = new Map(fields.map(([name, value]) => [name, typeof value === 'number' ? 0 : false]));
	return items.map((item) => {
		if ('error' in item.json) return item;
		const json = Object.fromEntries([...gaps].map(([name, gap]) => [name, item.json[name] ?? gap]));
		return { ...item, json };
	});
}

/** Messages as the text of one field; undefined where there are none. The rest of many is counted: the details have all. */
export function inOneText(messages: readonly string[]): string | undefined {
	if (messages.length === 0) return undefined;
	const rest = messages.length - MAX_MESSAGES;
	const shown = messages.slice(0, MAX_MESSAGES);
	return [...shown, ...(rest > 0 ? [`And ${rest} more.`] : [])].join(' ');
}

import type { IExecuteFunctions, INodeProperties } from 'n8n-workflow';

import { BackupError } from '../../../engine';
import { textOf } from '../fields';

/** Characters: a name, an address, a ticket; not a text. */
const MOST = 200;

/** An entry of Options of what changes or replaces data: who wants it. */
export const requestedByOption: INodeProperties = {
	displayName: 'Requested By',
	name: 'requestedBy',
	type: 'string',
	default: '',
	placeholder: 'e.g. ana@example.com, ticket 4711',
	description:
		'Who asked for it, and why: it stands in the journal of the storage, and in reports. An expression may take it from a webhook or a form. At most 200 characters.',
};

/** What the field says; empty where it was not added. @throws BackupError INVALID_INPUT */
export function requestedByOf(context: IExecuteFunctions, item: number): string {
	const options: unknown = context.getNodeParameter('options', item, {});
	const { requestedBy } = Object(options) as { requestedBy?: unknown };
	const text = textOf(requestedBy, 'Requested By').trim();
	if (text.length <= MOST) return text;
	throw new BackupError('INVALID_INPUT', `Requested By has ${text.length} characters.`, {
		hint: `Give at most ${MOST}: a name, an address or the number of a ticket.`,
	});
}

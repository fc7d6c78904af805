import type { IExecuteFunctions, INodeProperties } from 'n8n-workflow';

import { type BackupKind, oneLine } from '../../../engine';
import { KIND_OPTIONS } from '../../shared/descriptions/kinds';
import { optionsField } from '../../shared/descriptions/options';
import { requestedByOption } from '../../shared/descriptions/requestedBy';
import { noteRefusedByWorkflow } from '../../shared/journal';
import { type Operation, shownFor } from '../../shared/operation';
import { itemOf } from '../../shared/simplify';

const OPERATION = 'noteRefusal';
const shown = shownFor([OPERATION]);
/** Characters. A caller may send anything. */
const MOST = 200;

const description: INodeProperties[] = [
	{
		displayName: 'What Was Refused',
		name: 'refusedAction',
		type: 'options',
		options: [
			{ name: 'Import', value: 'import' },
			{ name: 'Restore', value: 'restore' },
		],
		default: 'restore',
		displayOptions: shown,
	},
	{
		displayName: 'Because',
		name: 'refusedBecause',
		type: 'options',
		options: [
			{ name: 'Not Allowed', value: 'notAllowed', description: 'Whoever asked may not restore that' },
			{ name: 'Not Confirmed', value: 'notConfirmed', description: 'A person has declined, or has not answered' },
		],
		default: 'notAllowed',
		displayOptions: shown,
	},
	{
		displayName: 'Kind',
		name: 'refusedKind',
		type: 'options',
		options: KIND_OPTIONS,
		default: 'postgres',
		displayOptions: shown,
	},
	{
		displayName: 'Name',
		name: 'refusedName',
		type: 'string',
		default: '',
		placeholder: 'e.g. {{ $json.body.database }}',
		description: 'What was asked for, whatever the caller has sent; at most 200 characters of it are noted',
		displayOptions: shown,
	},
	optionsField(OPERATION, [requestedByOption]),
];

const REASONS = {
	notAllowed: { code: 'ACCESS_DENIED', message: 'The workflow may not restore that; nothing was changed.' },
	notConfirmed: {
		code: 'NOT_CONFIRMED',
		message: 'A person has declined it, or has not answered; nothing was changed.',
	},
} as const;

/** Notes a refusal of a workflow itself in the journal: one item that says what was noted. */
export const noteRefusal: Operation = {
	description,
	async execute(context, item) {
		const read = (name: string): unknown => context.getNodeParameter(name, item);
		const action = read('refusedAction') === 'import' ? 'import' : 'restore';
		const kind = read('refusedKind') as BackupKind;
		const name = textOfAnything(read('refusedName'));
		const error = REASONS[read('refusedBecause') === 'notConfirmed' ? 'notConfirmed' : 'notAllowed'];
		const requestedBy = textOfAnything(requestedByIn(context, item));
		await noteRefusedByWorkflow(context, item, { action, kind, name, requestedBy, error });
		const told = { state: 'refused', action, kind, name, code: error.code, problem: error.message, requestedBy };
		return [{ json: itemOf(told, {}, true) }];
	},
};

/** What is too long, or no text at all, must not keep a refusal out of the journal. */
function requestedByIn(context: IExecuteFunctions, item: number): unknown {
	const options: unknown = context.getNodeParameter('options', item, {});
	return (Object(options) as { requestedBy?: unknown }).requestedBy;
}

function textOfAnything(value: unknown): string {
	if (value === undefined || value === null) return '';
	return oneLine(typeof value === 'string' ? value : JSON.stringify(value)).slice(0, MOST);
}

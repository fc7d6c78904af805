/** What is done on the server beside backing it up. */
import type { IExecuteFunctions } from 'n8n-workflow';

import {
	createRestorePoint as createNow,
	dropReplicationSlot,
	formatLsn,
	type PostgresConnection,
	readableSize,
	switchWal as switchNow,
} from '../../../engine';
import { existingField } from '../../shared/descriptions/existing';
import { optionsField } from '../../shared/descriptions/options';
import { requestedByOption } from '../../shared/descriptions/requestedBy';
import { connectTimeoutOption } from '../../shared/descriptions/source';
import { collectionOf, locatedText, textOf } from '../../shared/fields';
import { eventOf } from '../../shared/journal';
import { type Operation, shownFor } from '../../shared/operation';
import { connectTimeoutIn, withPostgres } from '../../shared/postgresConnection';

async function onServer<T>(
	context: IExecuteFunctions,
	item: number,
	use: (server: { connection: PostgresConnection; signal: AbortSignal | undefined }) => Promise<T>,
): Promise<T> {
	const options = collectionOf(context, 'options', item, 'Options');
	const signal = context.getExecutionCancelSignal();
	return await withPostgres(context, item, { connectTimeout: connectTimeoutIn(options) }, (connection) =>
		use({ connection, signal }),
	);
}

/** Gives the present moment a name to recover to: one item. */
export const createRestorePoint: Operation = {
	description: [
		{
			displayName: 'Restore Point',
			name: 'restorePoint',
			type: 'string',
			default: '',
			required: true,
			placeholder: 'e.g. before the upgrade',
			description: 'The name that Recover is given to come back to this moment',
			displayOptions: shownFor(['createRestorePoint']),
		},
		optionsField('createRestorePoint', [connectTimeoutOption]),
	],
	async execute(context, item) {
		const restorePoint = textOf(context.getNodeParameter('restorePoint', item), 'Restore Point').trim();
		const lsn = await onServer(context, item, (server) => createNow(server, restorePoint));
		return [{ json: { restorePoint, createdAt: new Date().toISOString(), lsn: formatLsn(lsn) } }];
	},
};

/** Ends the segment that the server writes to: one item. */
export const switchWal: Operation = {
	description: [optionsField('switchWal', [connectTimeoutOption])],
	async execute(context, item) {
		const lsn = await onServer(context, item, (server) => switchNow(server));
		return [{ json: { switchedAt: new Date().toISOString(), lsn: formatLsn(lsn) } }];
	},
};

/** Drops a replication slot: one item. */
export const dropSlot: Operation = {
	description: [
		existingField({
			displayName: 'Replication Slot',
			name: 'slotToDrop',
			description: 'The slot that goes. The list tells how much WAL the server keeps for each.',
			displayOptions: shownFor(['dropSlot']),
			placeholder: { list: 'Select a slot...', name: 'e.g. n8n_pitr' },
			searchListMethod: 'searchSlots',
		}),
		{
			displayName:
				'The server removes the WAL that it keeps for this slot. What was not archived of it is lost, and only a new base backup lets recovery begin anew. What is in the storage stays.',
			name: 'dropNotice',
			type: 'notice',
			default: '',
			displayOptions: shownFor(['dropSlot']),
		},
		{
			displayName: "Confirm by Typing the Slot's Name",
			name: 'confirmSlot',
			type: 'string',
			default: '',
			required: true,
			placeholder: 'e.g. n8n_pitr',
			displayOptions: shownFor(['dropSlot']),
		},
		optionsField('dropSlot', [connectTimeoutOption, requestedByOption]),
	],
	journal: { action: 'delete' },
	async execute(context, item) {
		const slot = locatedText(context, 'slotToDrop', item, 'Replication Slot').trim();
		const typed = textOf(context.getNodeParameter('confirmSlot', item), "Confirm by Typing the Slot's Name").trim();
		eventOf(context, item).tell({ name: slot, place: `replication slot ${slot}` });
		const { heldBytes = 0 } = await onServer(context, item, (server) => dropReplicationSlot(server, slot, typed));
		return [{ json: { slot, dropped: true, freed: readableSize(Math.max(0, heldBytes)) } }];
	},
};

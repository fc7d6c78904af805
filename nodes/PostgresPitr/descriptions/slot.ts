import type { INodeProperties } from 'n8n-workflow';

import { shownFor } from '../../shared/operation';

/** What the slot is called unless somebody says otherwise: the same in every operation, so that they fit together. */
export const USUAL_SLOT = 'n8n_pitr';

/** The replication slot, in every operation that goes by one. */
export function slotField(operations: string[]): INodeProperties {
	return {
		displayName: 'Replication Slot',
		name: 'slot',
		type: 'string',
		default: USUAL_SLOT,
		placeholder: 'e.g. n8n_pitr',
		description:
			'The slot by which the server keeps WAL until it is archived. A base backup makes it where it does not exist. Empty for none: then archive_command has to keep the WAL.',
		displayOptions: shownFor(operations),
	};
}

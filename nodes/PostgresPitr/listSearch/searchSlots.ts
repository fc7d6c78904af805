import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { listSlots, type NamedSlot, readableSize } from '../../../engine';
import { toListError } from '../../shared/errors';
import { matching } from '../../shared/listSearch/matching';
import { withPostgres } from '../../shared/postgresConnection';

/** The physical replication slots of the server, each with how much WAL the server keeps for it. */
export async function searchSlots(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
	try {
		const slots = await withPostgres(this, 0, { connectTimeout: 10_000 }, listSlots);
		return matching(
			slots.map((slot) => ({ name: labelOf(slot), value: slot.name })),
			filter,
		);
	} catch (error) {
		throw toListError(this.getNode(), error);
	}
}

/** `n8n_pitr · in use · keeps 71.3 MB` */
function labelOf({ name, isActive, isLost, heldBytes }: NamedSlot): string {
	const kept = heldBytes === undefined ? 'keeps nothing' : `keeps ${readableSize(Math.max(0, heldBytes))}`;
	return [name, ...(isActive ? ['in use'] : []), isLost ? 'its WAL is lost' : kept].join(' · ');
}

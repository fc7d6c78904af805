import { checkQdrantSetup } from '../../../engine';
import { connectionOptions } from '../../shared/descriptions/qdrantConnection';
import { collectionOf } from '../../shared/fields';
import { qdrantConnection } from '../../shared/qdrantConnection';
import { checkSetupOperation } from '../../shared/setup/checkSetup';
import { OWN_KINDS } from '../backupContent';

/** Finds out what would make a back up or a restore of collections fail: one item for each finding. */
export const checkSetup = checkSetupOperation({
	options: connectionOptions,
	kinds: OWN_KINDS,
	async check(context, item, signal) {
		const connection = await qdrantConnection(context, item, collectionOf(context, 'options', item, 'Options'));
		return { findings: await checkQdrantSetup(connection, signal) };
	},
});

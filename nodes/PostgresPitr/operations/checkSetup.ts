import { checkPhysicalBackups, finder, findingsOf } from '../../../engine';
import { connectTimeoutOption } from '../../shared/descriptions/source';
import { collectionOf } from '../../shared/fields';
import { connectTimeoutIn, withPostgres } from '../../shared/postgresConnection';
import { checkSetupOperation } from '../../shared/setup/checkSetup';
import { OWN_KINDS } from '../backupContent';
import { slotOf } from '../baseBackupSettings';

/** Finds out what would make physical backups of a server fail: one item for each finding. */
export const checkSetup = checkSetupOperation({
	options: [connectTimeoutOption],
	kinds: OWN_KINDS,
	async check(context, item, signal) {
		const options = collectionOf(context, 'options', item, 'Options');
		const incremental = context.getNodeParameter('backupType', item) === 'incremental';
		const slot = slotOf(context, item);
		let bytes = 0;
		const findings = await findingsOf(finder('Connection', 'Postgres', 'backup'), () =>
			withPostgres(context, item, { connectTimeout: connectTimeoutIn(options) }, async (connection) => {
				const checked = await checkPhysicalBackups({ connection, slot, incremental, ...(signal && { signal }) });
				bytes = checked.bytes;
				return checked.findings;
			}),
		);
		return { findings, bytes };
	},
});

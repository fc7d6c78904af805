import { checkPostgres, finder, findingsOf } from '../../../engine';
import { connectTimeoutOption } from '../../shared/descriptions/source';
import { collectionOf } from '../../shared/fields';
import { connectTimeoutIn, withPostgres } from '../../shared/postgresConnection';
import { checkSetupOperation } from '../../shared/setup/checkSetup';
import { OWN_KINDS } from '../backupContent';
import { chosenDatabases } from '../chosenDatabases';
import { parallelIn } from '../connectionOptions';
import { parallelOption } from '../descriptions/databases';

/** Finds out what would make a back up or a restore of databases fail: one item for each finding. */
export const checkSetup = checkSetupOperation({
	options: [connectTimeoutOption, parallelOption],
	kinds: OWN_KINDS,
	async check(context, item, signal) {
		const options = collectionOf(context, 'options', item, 'Options');
		const parallel = parallelIn(options);
		const globals = context.getNodeParameter('globals', item) === true;
		let bytes = 0;
		const findings = await findingsOf(finder('Connection', 'Postgres', 'backup'), () =>
			withPostgres(context, item, { connectTimeout: connectTimeoutIn(options) }, async (connection) => {
				const databases = await chosenDatabases(context, item, connection);
				const checked = await checkPostgres({
					connection,
					databases,
					globals,
					parallel,
					...(signal && { signal }),
				});
				bytes = checked.bytes;
				return checked.findings;
			}),
		);
		return { findings, bytes };
	},
});

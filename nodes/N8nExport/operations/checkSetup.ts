import { checkN8nApi, finder, findingsOf } from '../../../engine';
import { checkSetupOperation } from '../../shared/setup/checkSetup';
import { WORKFLOW_KINDS } from '../backupContent';
import { n8nApi } from '../connection';

/** Finds out what would make an export of workflows fail, or miss something: one item for each finding. */
export const checkSetup = checkSetupOperation({
	kinds: WORKFLOW_KINDS,
	async check(context, item, signal) {
		const findings = await findingsOf(finder('Connection', 'n8n', 'backup'), async () => {
			return await checkN8nApi(await n8nApi(context, item, 'source'), signal);
		});
		return { findings };
	},
});

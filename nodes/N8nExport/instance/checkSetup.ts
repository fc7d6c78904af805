import { checkInstance as check, versionOfProgram } from '../../../engine';
import { selectedKeys } from '../../shared/encryption';
import { checkSetupOperation } from '../../shared/setup/checkSetup';

import { OWN_KINDS } from './backupContent';

export const CHECK_INSTANCE = 'checkInstance';

/** Finds out what would make a backup of the n8n that runs this fail: one item for each finding. */
export const checkInstance = checkSetupOperation({
	operation: CHECK_INSTANCE,
	kinds: OWN_KINDS,
	async check(context, item) {
		const keys = await selectedKeys(context, item);
		return { findings: await check(versionOfProgram(process.argv[1]), keys?.encryption !== undefined) };
	},
});

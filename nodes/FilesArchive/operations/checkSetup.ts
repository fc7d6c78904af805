import { checkFolder, finder, findingsOf } from '../../../engine';
import { textOf } from '../../shared/fields';
import { guardedByN8n } from '../../shared/fileAccess';
import { checkSetupOperation } from '../../shared/setup/checkSetup';
import { OWN_KINDS } from '../backupContent';

/** Finds out what would make a back up of a folder, or a restore into it, fail: one item for each finding. */
export const checkSetup = checkSetupOperation({
	kinds: OWN_KINDS,
	async check(context, item, signal) {
		const path = textOf(context.getNodeParameter('path', item), 'Path');
		const findings = await findingsOf(finder('File Access', path, 'backup'), async () => {
			return await checkFolder(await guardedByN8n(context.helpers).allowedFolder(path), signal);
		});
		return { findings };
	},
});

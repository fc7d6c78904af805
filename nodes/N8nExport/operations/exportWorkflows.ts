import { exportWorkflows as exportThem, type ExportForm } from '../../../engine';
import { archiveSettings } from '../../shared/archiveSettings';
import { madeOutput } from '../../shared/backupOutput';
import { limitedStorage } from '../../shared/bandwidth';
import { BinaryOutput } from '../../shared/binaryOutput';
import { encryptionKeys } from '../../shared/encryption';
import { collectionOf, textOf, yesNoIn } from '../../shared/fields';
import { showWarnings } from '../../shared/hints';
import { eventOf } from '../../shared/journal';
import type { Operation } from '../../shared/operation';
import { isSimplified } from '../../shared/simplify';
import { openStorage } from '../../shared/storage';
import { OWN_FOLDER, workflowContent } from '../backupContent';
import { n8nApi } from '../connection';
import { exportFields } from '../descriptions/exportWorkflows';
import { workflowChoice } from '../workflowChoice';

const TITLE = 'n8n Export';

/** Exports workflows: one item. */
export const exportWorkflows: Operation = {
	description: exportFields,
	journal: { action: 'backUp', kind: 'n8n-workflows' },
	async execute(context, item) {
		const options = collectionOf(context, 'options', item, 'Options');
		const archive = archiveSettings(context, item, options, OWN_FOLDER);
		const name = textOf(context.getNodeParameter('backupName', item), 'Backup Name').trim() || 'workflows';
		eventOf(context, item).tell({ name });
		const choice = workflowChoice(context, item);
		const isSimple = isSimplified(context, item);
		const api = await n8nApi(context, item, 'source');
		const isEncrypted = context.getNodeParameter('encrypt', item) === true;
		const encryption = isEncrypted ? await encryptionKeys(context, item) : undefined;
		const toStorage = context.getNodeParameter('destination', item) === 'storage';
		const output = toStorage ? undefined : new BinaryOutput(context.helpers);
		const signal = context.getExecutionCancelSignal();
		const { logger } = context;
		const manifest = await exportThem({
			...archive,
			api,
			name,
			choice,
			dataTables: yesNoIn(options, 'dataTables', true, 'Data Tables'),
			form: context.getNodeParameter('form', item) as ExportForm,
			storage: output ? limitedStorage(context, item, output) : await openStorage(context, item),
			...(encryption && { encryption }),
			...(signal && { signal }),
			log: (line) => logger.debug(`${TITLE}: ${line}`),
			onProgress: ({ workflows, of }) => {
				if (workflows % 500 === 0) logger.info(`${TITLE}: exported ${workflows} of ${of} workflows`);
			},
		});
		const { warnings } = manifest;
		showWarnings(context, warnings);
		const { folder } = archive;
		const made = { title: TITLE, manifest, folder, warnings, contentOf: workflowContent, output, isSimple };
		return [madeOutput(context, item, made)];
	},
};

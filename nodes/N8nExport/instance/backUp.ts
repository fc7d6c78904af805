import type { IExecuteFunctions, INodeProperties } from 'n8n-workflow';

import { ALLOW_INSTANCE, BackupError, backUpInstance as backUp, ownSettings, versionOfProgram } from '../../../engine';
import { archiveSettings } from '../../shared/archiveSettings';
import { madeOutput } from '../../shared/backupOutput';
import {
	archiveFolderOption,
	compressionField,
	compressionLevelOption,
	tagsOption,
	timeZoneOption,
} from '../../shared/descriptions/archive';
import { bandwidthOption } from '../../shared/descriptions/bandwidth';
import { optionsField } from '../../shared/descriptions/options';
import { runningOptions } from '../../shared/descriptions/running';
import { simplifyField } from '../../shared/descriptions/simplify';
import { decryptionKeys, ENCRYPTION_CREDENTIAL, encryptionKeys } from '../../shared/encryption';
import { collectionOf, textOf, yesNoIn } from '../../shared/fields';
import { showWarnings } from '../../shared/hints';
import { eventOf } from '../../shared/journal';
import { type Operation, shownFor } from '../../shared/operation';
import { isSimplified } from '../../shared/simplify';
import { openStorage, storageFolder } from '../../shared/storage';

import { backupContent, OWN_FOLDER } from './backupContent';

const TITLE = 'n8n Export';
const shown = shownFor(['backUpInstance']);

const fields: INodeProperties[] = [
	{
		displayName: `The backup holds all of this n8n: its whole database and the encryption key of its credentials. It is only made where the environment of n8n has ${ALLOW_INSTANCE}=true, and only encrypted: select a Backup Encryption credential, above, and keep a copy of its passphrase, or of the private keys, outside of n8n.`,
		name: 'instanceNotice',
		type: 'notice',
		default: '',
		displayOptions: shown,
	},
	{
		displayName: 'Backup Name',
		name: 'backupName',
		type: 'string',
		default: 'n8n',
		placeholder: 'e.g. production',
		description: 'What the backups are called and found by',
		displayOptions: shown,
	},
	{
		displayName: 'Binary Data',
		name: 'binaryData',
		type: 'boolean',
		default: false,
		description:
			'Whether to back up the files of executions as well, where n8n keeps them in a folder: after the first time, what is new of them',
		displayOptions: shown,
	},
	compressionField(shown),
	simplifyField(shown),
	optionsField('backUpInstance', [
		bandwidthOption,
		...runningOptions,
		compressionLevelOption,
		archiveFolderOption(OWN_FOLDER),
		tagsOption,
		timeZoneOption('Time zone of the time in file names'),
	]),
];

/** Backs up the n8n that runs this: one item. */
export const backUpInstance: Operation = {
	description: fields,
	journal: { action: 'backUp', kind: 'n8n-instance' },
	async execute(context, item) {
		const version = versionOfProgram(process.argv[1]);
		const settings = ownSettings(version);
		const options = collectionOf(context, 'options', item, 'Options');
		const archive = archiveSettings(context, item, options, OWN_FOLDER);
		const encryption = hasEncryption(context) ? await encryptionKeys(context, item) : undefined;
		const ownFolder = await storageFolder(context, item);
		const signal = context.getExecutionCancelSignal();
		const manifest = await backUp({
			...archive,
			name: nameOf(context, item),
			settings,
			version,
			binaryData: yesNoIn(
				{ binaryData: context.getNodeParameter('binaryData', item) },
				'binaryData',
				false,
				'Binary Data',
			),
			storage: await openStorage(context, item),
			...(encryption && { encryption }),
			...(ownFolder !== undefined && { notIn: [ownFolder] }),
			keys: await decryptionKeys(context, item),
			...(signal && { signal }),
			log: (line) => context.logger.info(`${TITLE}: ${line}`),
		});
		showWarnings(context, manifest.warnings);
		const { warnings } = manifest;
		const { folder } = archive;
		const isSimple = isSimplified(context, item);
		const made = { title: TITLE, manifest, folder, warnings, contentOf: backupContent, output: undefined, isSimple };
		return [madeOutput(context, item, made)];
	},
};

function hasEncryption(context: IExecuteFunctions): boolean {
	return context.getNode().credentials?.[ENCRYPTION_CREDENTIAL] !== undefined;
}

/** @throws BackupError INVALID_INPUT */
function nameOf(context: IExecuteFunctions, item: number): string {
	const name = textOf(context.getNodeParameter('backupName', item), 'Backup Name').trim();
	eventOf(context, item).tell({ name });
	if (name !== '') return name;
	throw new BackupError('INVALID_INPUT', 'The backup has no name.', { hint: 'Fill in Backup Name.' });
}

import type { IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';

import { keyIn, type Manifest } from '../../engine';

import { type ContentOf, madeItem } from './backupItem';
import type { BinaryOutput } from './binaryOutput';
import { textOf } from './fields';
import { eventOf } from './journal';

/** An archive that was just made, and where it went. */
export interface MadeArchive {
	/** The node's, for the log. */
	title: string;
	manifest: Manifest;
	/** In the storage. */
	folder: string;
	/** Those of the backup, and of the run that made it. */
	warnings: string[];
	contentOf: ContentOf;
	/** Undefined where it went to a storage. */
	output: BinaryOutput | undefined;
	isSimple: boolean;
}

/** The item of an archive, with the binary data where it goes out as such. @throws BackupError INVALID_INPUT */
export function madeOutput(
	context: IExecuteFunctions,
	item: number,
	{ title, manifest, folder, warnings, contentOf, output, isSimple }: MadeArchive,
): INodeExecutionData {
	const { file, name, size } = manifest;
	context.logger.info(`${title}: backed up ${name}`, { file, bytes: size.stored });
	const key = keyIn(folder, file);
	eventOf(context, item).made(manifest, folder);
	const binary = output?.binary(key);
	const json = madeItem({ manifest, key, warnings, contentOf, isBinary: binary !== undefined }, isSimple);
	if (!binary) return { json };
	const field = textOf(context.getNodeParameter('outputBinaryField', item), 'Put Output File in Field');
	return { json, binary: { [field]: binary } };
}

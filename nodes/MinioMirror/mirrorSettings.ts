import type { IExecuteFunctions } from 'n8n-workflow';

import { BackupError, type RemovalChoices, type SelectionChoices } from '../../engine';
import { collectionOf, type Fields, locatedText, numberOf, textOf, yesNoIn } from '../shared/fields';
import { patternChoices } from '../shared/patterns';

/** Whose server a bucket is on: that of the S3 credential, or that of the Backup Storage credential. */
export type ServerChoice = 's3' | 'storage';

export interface BucketEnd {
	type: 'bucket';
	server: ServerChoice;
	bucket: string;
	/** Empty, or with a slash at its end. */
	prefix: string;
}

export interface FolderEnd {
	type: 'folder';
	/** As it was typed. */
	path: string;
}

/** The fields of Mirror. */
export interface MirrorSettings {
	from: BucketEnd | FolderEnd;
	to: BucketEnd | FolderEnd;
	createBucket: boolean;
	choices: SelectionChoices;
	/** Undefined where nothing is removed. */
	removal: RemovalChoices | undefined;
	dryRun: boolean;
	/** The entries of Options. */
	options: Fields;
}

/** Which server is that of the source, and which that of the target, by the values of the fields Direction and Servers. */
export function serversOf(direction: unknown, servers: unknown): { from: ServerChoice; to: ServerChoice } {
	const between = direction === 'bucketToBucket' ? servers : 'same';
	return { from: between === 'from' ? 'storage' : 's3', to: between === 'to' ? 'storage' : 's3' };
}

/** @throws BackupError INVALID_INPUT that names the field */
export function mirrorSettings(context: IExecuteFunctions, item: number): MirrorSettings {
	const direction: unknown = context.getNodeParameter('direction', item);
	const servers = serversOf(direction, context.getNodeParameter('servers', item, 'same'));
	const yesNo = (name: string, label: string) =>
		yesNoIn({ [name]: context.getNodeParameter(name, item, false) }, name, false, label);
	const from: MirrorSettings['from'] =
		direction === 'folderToBucket'
			? folderEnd(context, item, 'fromFolder', 'From Folder')
			: { ...bucketEnd(context, item, 'from', 'From'), server: servers.from };
	const to: MirrorSettings['to'] =
		direction === 'bucketToFolder'
			? folderEnd(context, item, 'toFolder', 'To Folder')
			: { ...bucketEnd(context, item, 'to', 'To'), server: servers.to };
	return {
		from,
		to,
		createBucket: yesNo('createBucket', 'Create Bucket'),
		choices: patternChoices(context, item),
		removal: yesNo('removeExtra', 'Remove Extra Objects') ? removalOf(context, item) : undefined,
		dryRun: yesNo('dryRun', 'Dry Run'),
		options: collectionOf(context, 'options', item, 'Options'),
	};
}

function removalOf(context: IExecuteFunctions, item: number): RemovalChoices {
	return {
		ceilingPercent: numberOf(context.getNodeParameter('ceiling', item), 'Ceiling (%)', { min: 0, max: 100 }),
		keepDays: numberOf(context.getNodeParameter('keepRemoved', item), 'Keep Removed (Days)', { min: 0, max: 36_500 }),
	};
}

function bucketEnd(context: IExecuteFunctions, item: number, name: 'from' | 'to', label: 'From' | 'To') {
	const bucket = locatedText(context, `${name}Bucket`, item, `${label} Bucket`).trim();
	if (bucket === '') throw missing('bucket', `${label} Bucket`);
	const prefix = prefixOf(locatedText(context, `${name}Prefix`, item, `${label} Prefix`));
	return { type: 'bucket' as const, bucket, prefix };
}

function folderEnd(context: IExecuteFunctions, item: number, name: string, label: string): FolderEnd {
	const path = textOf(context.getNodeParameter(name, item), label).trim();
	if (path === '') throw missing('folder', label);
	return { type: 'folder', path };
}

/** As a folder has it: without a slash in front, and with one at the end. */
function prefixOf(text: string): string {
	const bare = text.replace(/^\/+|\/+$/g, '');
	return bare === '' ? '' : `${bare}/`;
}

function missing(what: string, label: string): BackupError {
	return new BackupError('INVALID_INPUT', `No ${what} is named in ${label}.`, { hint: `Fill in ${label}.` });
}

import type { IExecuteFunctions } from 'n8n-workflow';

import type { CodecName, CodecOptions } from '../../engine';

import { folderOf } from './folder';
import { splitList } from './lists';

/** The entries of Options that say how archives are made, and where they go. */
export interface ArchiveOptionFields {
	compressionLevel?: number;
	timeZone?: string;
	folder?: string;
	tags?: string;
}

function codecOf(context: IExecuteFunctions, item: number, level: number | undefined): CodecOptions {
	const name = context.getNodeParameter('compression', item) as CodecName;
	return level ? { name, level } : { name };
}

/** The fields that all backups have (descriptions/archive.ts), as the engine wants them. */
export function archiveSettings(
	context: IExecuteFunctions,
	item: number,
	options: ArchiveOptionFields,
	ownFolder: string,
) {
	return {
		codec: codecOf(context, item, options.compressionLevel),
		timeZone: options.timeZone || 'UTC',
		folder: folderOf(options, ownFolder),
		tags: splitList(options.tags),
		runId: `n8n-${context.getExecutionId()}`,
	};
}

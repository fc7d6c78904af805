import type { IExecuteFunctions } from 'n8n-workflow';

import type { CodecName, CodecOptions } from '../../engine';

import { type Fields, numberIn, textOf } from './fields';
import { folderOf } from './folder';
import { splitList } from './lists';
import { backUpControl, type ProgressLines } from './runControl';

function codecOf(context: IExecuteFunctions, item: number, options: Fields): CodecOptions {
	const name = context.getNodeParameter('compression', item) as CodecName;
	const level = numberIn(options, 'compressionLevel', 0, 'Compression Level', { min: 0, max: 19 });
	return level > 0 ? { name, level } : { name };
}

/** The fields that all backups have (descriptions/archive.ts), as the engine wants them. @throws BackupError INVALID_INPUT */
export function archiveSettings(
	context: IExecuteFunctions,
	item: number,
	options: Fields,
	ownFolder: string,
	lines: ProgressLines = 'ofRun',
) {
	return {
		codec: codecOf(context, item, options),
		timeZone: textOf(options['timeZone'], 'Time Zone') || 'UTC',
		folder: folderOf(options, ownFolder),
		tags: splitList(options['tags'], 'Tags'),
		runId: `n8n-${context.getExecutionId()}`,
		run: backUpControl(context, options, lines),
	};
}

import type { IExecuteFunctions } from 'n8n-workflow';

import { type BackupKind, deepestLevelOf, systemOf, type VerificationLevel } from '../../engine';
import { collectionOf, type Fields, numberIn, numberOf, yesNoIn } from '../shared/fields';
import { folderOf, prefixOf } from '../shared/folder';

import { oneOf } from '../shared/choice';
import { scratchSettings, type ScratchSettings } from './scratch';

const LEVELS: readonly VerificationLevel[] = ['integrity', 'content', 'restore'];
const WHICH = ['one', 'all', 'newest', 'due', 'incoming', 'file', 'binaryData'] as const;
const MINUTE_MS = 60_000;

/** The fields of Verify, except those that say which backups. */
export interface VerifySettings {
	which: (typeof WHICH)[number];
	level: VerificationLevel;
	/** Undefined where nothing is to be restored. */
	scratch: ScratchSettings | undefined;
	/** The beginning of all keys that are looked at. */
	prefix: string;
	records: boolean;
	/** Infinity where there is no limit. */
	maxBackups: number;
	/** Milliseconds after which none is begun; Infinity where there is no limit. */
	stopAfter: number;
	/** Options of connections to scratch servers. */
	connection: Fields;
}

/** @throws BackupError INVALID_INPUT */
export function verifySettings(context: IExecuteFunctions, item: number): VerifySettings {
	const which = oneOf(context.getNodeParameter('which', item), WHICH, 'Which Backups');
	const level = levelOf(context, item);
	const options = collectionOf(context, 'options', item, 'Options');
	const maxBackups = numberIn(options, 'maxBackups', 0, 'Max Backups per Run', { min: 0, max: 1_000_000 });
	const stopAfter = numberIn(options, 'stopAfter', 0, 'Stop After (Minutes)', { min: 0, max: 100_000 });
	return {
		which,
		level,
		scratch: level === 'restore' ? scratchSettings(context, item) : undefined,
		prefix: prefixOf(folderOf(options, '')),
		records: recordsIn(options),
		maxBackups: maxBackups === 0 ? Infinity : maxBackups,
		stopAfter: stopAfter === 0 ? Infinity : stopAfter * MINUTE_MS,
		connection: options,
	};
}

/** The Record Result option. @throws BackupError INVALID_INPUT */
export function recordsIn(options: Fields): boolean {
	return yesNoIn(options, 'record', true, 'Record Result');
}

/** The Level field. @throws BackupError INVALID_INPUT */
export function levelOf(context: IExecuteFunctions, item: number): VerificationLevel {
	return oneOf(context.getNodeParameter('level', item), LEVELS, 'Level');
}

/** The Days field. @throws BackupError INVALID_INPUT */
export function daysOf(context: IExecuteFunctions, item: number): number {
	return numberOf(context.getNodeParameter('days', item), 'Days', { min: 0, max: 36_500 });
}

/** How deep a backup of a kind is verified: not deeper than there is a way and a place to restore it for a test. */
export function levelFor(kind: BackupKind, settings: VerifySettings): VerificationLevel {
	if (settings.level === 'restore' && deepestLevelOf(kind) !== 'restore') return 'content';
	return fileLevelFor(systemOf(kind), settings);
}

/** The same for a file that others made, by the system that it can be restored into. */
export function fileLevelFor(system: string | undefined, { level, scratch }: VerifySettings): VerificationLevel {
	if (level !== 'restore') return level;
	return system !== undefined && scratch?.places.includes(system) ? 'restore' : 'content';
}

import type { IExecuteFunctions } from 'n8n-workflow';

import { BASE_BACKUP_RATE } from '../../engine';
import { archiveSettings } from '../shared/archiveSettings';
import { oneOf } from '../shared/choice';
import { collectionOf, numberIn, textOf, yesNoIn } from '../shared/fields';
import { connectTimeoutIn } from '../shared/postgresConnection';

import { BASE_FOLDER } from './backupContent';

const CHECKPOINTS = ['fast', 'spread'] as const;

/** The Replication Slot field; undefined where there is to be none. @throws BackupError INVALID_INPUT */
export function slotOf(context: IExecuteFunctions, item: number): string | undefined {
	return textOf(context.getNodeParameter('slot', item), 'Replication Slot').trim() || undefined;
}

/** The Backup Name field, in every operation that has it; undefined where it is empty. @throws BackupError INVALID_INPUT */
export function backupNameOf(context: IExecuteFunctions, item: number): string | undefined {
	return textOf(context.getNodeParameter('backupName', item), 'Backup Name').trim() || undefined;
}

/** The fields of Base Backup as the engine wants them, except where to read from and where to write to. @throws BackupError INVALID_INPUT */
export function baseBackupSettings(context: IExecuteFunctions, item: number) {
	const options = collectionOf(context, 'options', item, 'Options');
	const isIncremental = context.getNodeParameter('backupType', item) === 'incremental';
	const rate = numberIn(options, 'maxRate', 0, 'Server Rate Limit (kB/s)', { min: 0, max: BASE_BACKUP_RATE.max });
	return {
		connectTimeout: connectTimeoutIn(options),
		cluster: {
			name: backupNameOf(context, item),
			slot: slotOf(context, item),
			checkpoint: oneOf(options['checkpoint'] ?? 'fast', CHECKPOINTS, 'Checkpoint'),
			maxRate: rate > 0 ? rate : undefined,
			failOnDamage: yesNoIn(options, 'failOnDamage', false, 'Fail on Damaged Pages'),
			incremental: isIncremental
				? { fullEvery: numberIn(options, 'fullEvery', 7, 'Full Every', { min: 0, max: 1000 }) }
				: undefined,
		},
		archive: archiveSettings(context, item, options, BASE_FOLDER),
	};
}

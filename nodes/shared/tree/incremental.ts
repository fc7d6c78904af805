import type { IExecuteFunctions } from 'n8n-workflow';

import { CHECKPOINT_GIB, type DecryptionKeys, type IncrementalChoices } from '../../../engine';
import { type Fields, numberIn } from '../fields';

const GIB = 1024 ** 3;

/** What the fields of descriptions/incremental.ts say, as the engine wants it. */
export interface IncrementalSettings {
	/** Undefined for a whole backup. */
	incremental: IncrementalChoices | undefined;
	/** Infinity where all goes into one archive. */
	checkpointBytes: number;
}

/** What goes out as binary data is whole, and one archive. @throws BackupError INVALID_INPUT */
export function incrementalSettings(context: IExecuteFunctions, item: number, options: Fields): IncrementalSettings {
	if (context.getNodeParameter('destination', item) !== 'storage') {
		return { incremental: undefined, checkpointBytes: Infinity };
	}
	const checkpointBytes = GIB * numberIn(options, 'checkpointSize', 16, 'Checkpoint Size (GiB)', CHECKPOINT_GIB);
	if (context.getNodeParameter('backupType', item, 'whole') !== 'incremental') {
		return { incremental: undefined, checkpointBytes };
	}
	return {
		incremental: {
			wholeEvery: numberIn(options, 'wholeEvery', 30, 'Whole Every', { min: 0, max: 1000 }),
			leastUse: numberIn(options, 'leastUse', 30, 'Least Use (%)', { min: 0, max: 100 }) / 100,
		},
		checkpointBytes,
	};
}

/** What to tell where a backup was to go on from an earlier one: who can encrypt but not decrypt cannot read the index of that. */
export function keyWarnings(
	{ incremental }: Pick<IncrementalSettings, 'incremental'>,
	isEncrypted: boolean,
	{ passphrase, privateKeys = [] }: DecryptionKeys = {},
): string[] {
	if (!incremental || !isEncrypted || passphrase !== undefined || privateKeys.length > 0) return [];
	return [
		'This backup is a whole one: to go on from an earlier one, the Backup Encryption credential needs a passphrase or the private key.',
	];
}

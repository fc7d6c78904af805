import type { IDataObject } from 'n8n-workflow';

import {
	type ClusterCoverage,
	findCoverage,
	formatLsn,
	readableSize,
	type RecoveryWindow,
	type WalGap,
} from '../../../engine';
import { optionsField } from '../../shared/descriptions/options';
import { simplifyField } from '../../shared/descriptions/simplify';
import { folderOption } from '../../shared/descriptions/source';
import { provingPassphrase } from '../../shared/encryption';
import { collectionOf } from '../../shared/fields';
import { folderOf, prefixOf } from '../../shared/folder';
import { showWarnings } from '../../shared/hints';
import { type Operation, shownFor } from '../../shared/operation';
import { isSimplified, itemOf } from '../../shared/simplify';
import { openStorage } from '../../shared/storage';
import { OWN_FOLDER } from '../backupContent';

/** Lists what can be recovered, and what cannot: an item for each window, gap, and base backup of no use. */
export const listWindows: Operation = {
	description: [simplifyField(shownFor(['listWindows'])), optionsField('listWindows', [folderOption(OWN_FOLDER)])],
	async execute(context, item) {
		const isSimple = isSimplified(context, item);
		const storage = await openStorage(context, item);
		const folder = folderOf(collectionOf(context, 'options', item, 'Options'), OWN_FOLDER);
		const passphrase = await provingPassphrase(context, item);
		const signal = context.getExecutionCancelSignal();
		const found = await findCoverage(storage, prefixOf(folder), { trust: { passphrase }, signal });
		if (found.length === 0)
			showWarnings(context, [`There is neither a base backup nor WAL in the ${storage.description}.`]);
		return found.flatMap((cluster) => itemsOf(cluster, isSimple)).map((json) => ({ json }));
	},
};

function itemsOf({ name, coverage }: ClusterCoverage, isSimple: boolean): IDataObject[] {
	const { windows, gaps, useless, systemIdentifier } = coverage;
	const item = (columns: Parameters<typeof itemOf>[0], details: IDataObject) =>
		itemOf({ name, ...columns }, { ...details, systemIdentifier }, isSimple);
	return [
		...windows.map((window) => item(windowColumns(window), { baseBackupIds: window.bases.map(({ id }) => id) })),
		...gaps.map((gap) => item(gapColumns(gap), {})),
		...useless.map(({ base, lacks }) =>
			item(
				{
					state: lacks === 'wal' ? 'base backup without its WAL' : 'base backup whose chain is broken',
					from: base.finishedAt,
					until: 'never',
					baseBackups: 1,
					timeline: base.timeline,
					startLsn: formatLsn(base.startLsn),
					endLsn: formatLsn(base.endLsn),
				},
				{ baseBackupIds: [base.id] },
			),
		),
	];
}

function windowColumns({ startTime, endTime, lastTransaction, bases, timeline, startLsn, endLsn }: RecoveryWindow) {
	return {
		state: 'recoverable',
		from: startTime,
		until: endTime ?? startTime,
		lastTransaction: lastTransaction ?? 'none',
		baseBackups: bases.length,
		size: readableSize(Number(endLsn - startLsn)),
		timeline,
		startLsn: formatLsn(startLsn),
		endLsn: formatLsn(endLsn),
	};
}

function gapColumns({ after, before, isHealed, timeline, startLsn, endLsn }: WalGap) {
	return {
		state: isHealed ? 'gap, healed by a base backup' : 'GAP: WAL is missing, base backup needed',
		from: after ?? 'unknown',
		until: before ?? 'unknown',
		lastTransaction: after ?? 'none',
		baseBackups: 0,
		size: readableSize(Number(endLsn - startLsn)),
		timeline,
		startLsn: formatLsn(startLsn),
		endLsn: formatLsn(endLsn),
	};
}

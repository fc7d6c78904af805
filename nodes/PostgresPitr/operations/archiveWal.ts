import type { IDataObject } from 'n8n-workflow';

import { archiveWal as archiveNow, type ArchiveWalReport, BackupError, formatLsn, readableSize } from '../../../engine';
import { archiveSettings } from '../../shared/archiveSettings';
import { oneOf } from '../../shared/choice';
import { encryptionKeys } from '../../shared/encryption';
import { collectionOf } from '../../shared/fields';
import { showWarnings } from '../../shared/hints';
import { eventOf } from '../../shared/journal';
import type { Operation } from '../../shared/operation';
import { connectTimeoutIn, withPostgres } from '../../shared/postgresConnection';
import { isSimplified, itemOf } from '../../shared/simplify';
import { openStorage } from '../../shared/storage';
import { WAL_FOLDER } from '../backupContent';
import { backupNameOf, slotOf } from '../baseBackupSettings';
import { archiveWalFields } from '../descriptions/archiveWal';

const IF_LOST = ['fail', 'goOn'] as const;

/** Stores what the server has written since the last time: one item. */
export const archiveWal: Operation = {
	description: archiveWalFields,
	journal: { action: 'backUp', kind: 'postgres-wal' },
	async execute(context, item) {
		const options = collectionOf(context, 'options', item, 'Options');
		const ifLost = oneOf(context.getNodeParameter('ifLost', item), IF_LOST, 'If WAL Is Lost');
		const slot = slotOf(context, item);
		if (slot === undefined)
			throw new BackupError('INVALID_INPUT', 'Replication Slot is empty.', {
				hint: 'WAL is archived by a slot: give its name. It is made where it does not exist.',
			});
		const isSimple = isSimplified(context, item);
		const isEncrypted = context.getNodeParameter('encrypt', item) === true;
		const encryption = isEncrypted ? await encryptionKeys(context, item) : undefined;
		const storage = await openStorage(context, item);
		const archive = archiveSettings(context, item, options, WAL_FOLDER);
		const report = await withPostgres(context, item, { connectTimeout: connectTimeoutIn(options) }, (connection) =>
			archiveNow({
				...archive,
				connection,
				slot,
				name: backupNameOf(context, item),
				storage,
				...(encryption && { encryption }),
				signal: context.getExecutionCancelSignal(),
			}),
		);
		eventOf(context, item).tell({ name: report.name });
		for (const manifest of report.stored) eventOf(context, item).made(manifest, archive.folder);
		showWarnings(context, report.notices);
		const lost = lostError(report);
		if (lost && ifLost === 'fail') throw lost;
		if (lost) showWarnings(context, [lost.message]);
		return [{ json: reportItem(report, isSimple) }];
	},
};

/** Where WAL was found to be lost in this run; undefined where none was. */
function lostError({ gaps }: ArchiveWalReport): BackupError | undefined {
	const [gap] = gaps;
	if (!gap) return undefined;
	const between = `from ${formatLsn(gap.startLsn)} to ${formatLsn(gap.endLsn)}`;
	return new BackupError(
		'SOURCE_FAILED',
		`WAL is lost: the server has removed what it wrote ${between} before it was archived. All that it still has was stored.`,
		{
			hint: 'Nothing behind that place can be recovered until there is a new base backup: make one now. Archive more often, or let the slot keep more (max_slot_wal_keep_size).',
			details: { startLsn: formatLsn(gap.startLsn), endLsn: formatLsn(gap.endLsn) },
		},
	);
}

function reportItem(report: ArchiveWalReport, isSimple: boolean): IDataObject {
	const { name, stored, storedLsn, lagBefore, lagAfter, slotRoom, coverage, gaps, notices, cluster } = report;
	const window = coverage.windows.find(({ endLsn }) => endLsn >= storedLsn);
	const count = (what: string) => stored.reduce((sum, { counts }) => sum + (counts[what] ?? 0), 0);
	const columns = {
		name,
		state: window ? 'recoverable' : gaps.length > 0 ? 'WAL lost, base backup needed' : 'base backup needed',
		recoverableFrom: window?.startTime ?? 'never',
		recoverableUntil: window?.endTime ?? 'never',
		segments: count('segments'),
		size: readableSize(stored.reduce((sum, { size }) => sum + size.stored, 0)),
		lag: readableSize(lagAfter),
		slotRoom: slotRoom === undefined ? 'no limit' : readableSize(slotRoom),
		needsBaseBackup: !window,
		storedUpTo: formatLsn(storedLsn),
	};
	const details = {
		timeline: cluster.timeline,
		systemIdentifier: cluster.systemIdentifier,
		transactions: count('transactions'),
		lagBeforeBytes: lagBefore ?? null,
		lagBytes: lagAfter,
		slotRoomBytes: slotRoom ?? null,
		gaps: coverage.gaps.map((gap) => ({
			startLsn: formatLsn(gap.startLsn),
			endLsn: formatLsn(gap.endLsn),
			isHealed: gap.isHealed,
		})),
		archives: stored.map(({ id, file }) => ({ id, file })),
		notices,
	} as IDataObject;
	return itemOf(columns, details, isSimple);
}

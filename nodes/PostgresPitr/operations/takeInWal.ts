import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import {
	BackupError,
	formatLsn,
	planTakeIn,
	readableSize,
	takeInWal as takeInNow,
	type TakeInPlan,
	type TakeInReport,
} from '../../../engine';
import { archiveSettings } from '../../shared/archiveSettings';
import { oneOf } from '../../shared/choice';
import { isDryRun } from '../../shared/descriptions/dryRun';
import { encryptionKeys, provingPassphrase } from '../../shared/encryption';
import { collectionOf, locatedText } from '../../shared/fields';
import { showWarnings } from '../../shared/hints';
import { eventOf } from '../../shared/journal';
import type { Operation } from '../../shared/operation';
import { isSimplified, itemOf } from '../../shared/simplify';
import { openStorage } from '../../shared/storage';
import { archivedSource } from '../archivedSource';
import { WAL_FOLDER } from '../backupContent';
import { takeInWalFields } from '../descriptions/takeInWal';

/** Stores the WAL that the server's own archive_command has put somewhere: one item. */
export const takeInWal: Operation = {
	description: takeInWalFields,
	journal: { action: 'backUp', kind: 'postgres-wal', isDryRun },
	async execute(context, item) {
		const options = collectionOf(context, 'options', item, 'Options');
		const ifRefused = oneOf(context.getNodeParameter('ifRefused', item), ['fail', 'goOn'], 'If Segments Are Refused');
		const isSimple = isSimplified(context, item);
		const isEncrypted = context.getNodeParameter('encrypt', item) === true;
		const encryption = isEncrypted ? await encryptionKeys(context, item) : undefined;
		const passphrase = await provingPassphrase(context, item);
		const source = await archivedSource(context, item, options);
		const storage = await openStorage(context, item);
		const archive = archiveSettings(context, item, options, WAL_FOLDER);
		const cluster = locatedText(context, 'cluster', item, 'Cluster').trim();
		const given = {
			...archive,
			...source,
			storage,
			...(encryption && { encryption }),
			...(cluster !== '' && { cluster }),
			trust: { passphrase },
			signal: context.getExecutionCancelSignal(),
		};
		if (isDryRun(context, item)) return [{ json: planItem(context, await planTakeIn(given), isSimple) }];
		const report = await takeInNow(given);
		const event = eventOf(context, item);
		event.tell({ name: report.name });
		for (const manifest of report.stored) event.made(manifest, archive.folder);
		showWarnings(context, noticesOf(report));
		const refused = refusedError(report);
		if (refused && ifRefused === 'fail') throw refused;
		if (refused) showWarnings(context, [refused.message]);
		return [{ json: reportItem(report, isSimple) }];
	},
};

/** What was not taken, as one error; undefined where there is nothing. */
function refusedError({ refused }: TakeInReport): BackupError | undefined {
	const [first] = refused;
	if (!first) return undefined;
	const { code, message, hint } = first.reason;
	const others = refused.length - 1;
	const more =
		others === 0 ? '' : ` ${others === 1 ? 'Another file was' : `${others} other files were`} refused as well.`;
	return new BackupError(code, `${message}${more} All that is good was stored.`, {
		...(hint !== undefined && { hint }),
		details: { refused: refused.slice(0, 100).map(({ key }) => key) },
	});
}

function noticesOf({
	unreadable,
	unfinished = [],
}: Pick<TakeInPlan, 'unreadable'> & { unfinished?: string[] }): string[] {
	const [first] = unreadable;
	return [
		...unfinished.map((key) => `${key} is not whole yet: it is taken in the next time.`),
		...(first === undefined
			? []
			: [
					`${unreadable.length === 1 ? 'A segment' : `${unreadable.length} segments`} cannot be read here, such as ${first}: let archive_command store them plain, or compressed with gzip (.gz) or zstd (.zst).`,
				]),
	];
}

function planItem(context: IExecuteFunctions, plan: TakeInPlan, isSimple: boolean): IDataObject {
	showWarnings(context, noticesOf(plan));
	const { name, version, segments, known, missing, unreadable, systemIdentifier, segmentBytes } = plan;
	const columns = {
		name,
		dryRun: true,
		segments: missing.length,
		known,
		unread: unreadable.length,
		first: missing[0] ?? 'none',
		last: missing.at(-1) ?? 'none',
		version,
	};
	return itemOf(columns, { found: segments, segmentBytes, systemIdentifier }, isSimple);
}

function reportItem(report: TakeInReport, isSimple: boolean): IDataObject {
	const { name, stored, known, refused, unreadable, coverage } = report;
	const ends = [...coverage.intervals.values()].flatMap((intervals) => intervals.map(({ endLsn }) => endLsn));
	const storedLsn = ends.reduce((last, end) => (end > last ? end : last), 0n);
	const window = coverage.windows.find(({ endLsn }) => endLsn >= storedLsn);
	const columns = {
		name,
		state: window ? 'recoverable' : 'base backup needed',
		recoverableFrom: window?.startTime ?? 'never',
		recoverableUntil: window?.endTime ?? 'never',
		segments: stored.reduce((sum, { counts }) => sum + (counts['segments'] ?? 0), 0),
		known,
		refused: refused.length,
		size: readableSize(stored.reduce((sum, { size }) => sum + size.stored, 0)),
		needsBaseBackup: !window,
		storedUpTo: formatLsn(storedLsn),
	};
	const details = {
		systemIdentifier: report.systemIdentifier,
		version: report.version,
		found: report.segments,
		unread: unreadable.length,
		unfinished: report.unfinished,
		refusedFiles: refused.map(({ key, reason }) => ({ file: key, reason: reason.message })),
		gaps: coverage.gaps.map((gap) => ({
			startLsn: formatLsn(gap.startLsn),
			endLsn: formatLsn(gap.endLsn),
			isHealed: gap.isHealed,
		})),
		archives: stored.map(({ id, file }) => ({ id, file })),
	} as IDataObject;
	return itemOf(columns, details, isSimple);
}

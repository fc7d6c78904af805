import type { IExecuteFunctions } from 'n8n-workflow';

import {
	BackupError,
	copyBackups as copyBetween,
	type CopyOptions,
	type CopyReport,
	type WhichBackups,
} from '../../../engine';
import { oneOf } from '../../shared/choice';
import { decryptionKeys, encryptionKeys } from '../../shared/encryption';
import { collectionOf, locatedText, numberIn, yesNoIn } from '../../shared/fields';
import { showWarnings } from '../../shared/hints';
import { readableSize } from '../../shared/listSearch/size';
import { eventOf } from '../../shared/journal';
import { lockOwner } from '../../shared/lockOwner';
import type { JudgingOperation } from '../../shared/outcome';
import { progressLog } from '../../shared/progress';
import { whileVisible } from '../../shared/runControl';
import { isSimplified } from '../../shared/simplify';
import { openStorage, openUnlimitedStorage } from '../../shared/storage';
import { copyOutcomes } from '../copyItem';
import { copyFields } from '../descriptions/copyBackups';
import { filtersOf } from '../descriptions/filters';
import { sidesOf } from '../sides';

const ENCRYPTION = ['asIs', 'encrypt', 'decrypt'] as const;
const WHICH = ['new', 'latest', 'all', 'picked'] as const;

/** Copies backups from one storage to the other: one item for each. */
export const copyBackups: JudgingOperation = {
	description: copyFields,
	journal: { action: 'copy', isDryRun: (context, item) => context.getNodeParameter('dryRun', item, false) === true },
	words: { one: 'could not be copied', many: 'could not be copied' },
	async execute(context, item) {
		const { logger } = context;
		const now = new Date();
		const isSimple = isSimplified(context, item);
		const options = collectionOf(context, 'options', item, 'Options');
		const includesSkipped = yesNoIn(options, 'includeSkipped', true, 'Include Skipped');
		const parallel = numberIn(options, 'parallel', 2, 'Parallel Copies', { min: 1, max: 16 });
		const dryRun = yesNoIn({ dryRun: context.getNodeParameter('dryRun', item, false) }, 'dryRun', false, 'Dry Run');
		const which = whichOf(context, item);
		const filters = which.type === 'picked' ? {} : filtersOf(context, item, now);
		const { from, to } = sidesOf(context.getNodeParameter('direction', item));
		const keys = await keysFor(context, item);
		// What is written is limited. A server copies only from a storage that is nothing but itself.
		const source = await openUnlimitedStorage(context, item, from);
		const target = await openStorage(context, item, to);
		const signal = context.getExecutionCancelSignal();
		const event = eventOf(context, item);
		event.tell({ from: source.description, to: target.description });
		const progress = progressLog((line) => logger.info(`Backup Copy: ${line}`));
		let size: number | undefined;
		const about = { action: 'copy', kind: '', name: 'backups', total: () => Promise.resolve(size) } as const;
		const report = await whileVisible(
			context,
			item,
			target,
			about,
			async (visible) =>
				await copyBetween({
					source,
					target: visible,
					which,
					filters,
					dryRun,
					parallel,
					...keys,
					owner: lockOwner(context),
					now,
					onProgress: ({ bytes, totalBytes, copied, total }) => {
						size = totalBytes;
						progress(
							`copying to the ${target.description}, ${copied} of ${total} archives are there`,
							bytes,
							totalBytes,
						);
					},
					...(signal && { signal }),
				}),
			// What a server copies by itself goes through no storage of ours.
			'own',
		);
		assertPicked(report, source.description);
		logger.info(`Backup Copy: ${summaryOf(report)} (${source.description} to ${target.description})`);
		event.tell({ summary: summaryOf(report) });
		const isShort = report.rows.some(({ outcome }) => outcome === 'failed' || outcome === 'conflict');
		if (isShort || report.unreadable.length > 0) event.failed({}, new Error(`${summaryOf(report)}.`));
		showWarnings(context, [...report.warnings, ...removedWarning(report)]);
		return copyOutcomes(report, { isSimple, includesSkipped });
	},
};

/** By what the source is believed, and what becomes of its encryption. */
async function keysFor(
	context: IExecuteFunctions,
	item: number,
): Promise<Pick<CopyOptions, 'trust' | 'encryption' | 'decrypts'>> {
	const choice = oneOf(context.getNodeParameter('encryption', item, 'asIs'), ENCRYPTION, 'Encryption');
	const trust = await decryptionKeys(context, item);
	if (choice === 'asIs') return trust ? { trust } : {};
	if (choice === 'encrypt') {
		// What is to be encrypted is not yet.
		return {
			encryption: await encryptionKeys(context, item),
			...(trust && { trust: { ...trust, requireEncryption: false } }),
		};
	}
	if (trust) return { trust, decrypts: true };
	throw new BackupError(
		'INVALID_INPUT',
		'Encryption is Decrypt on the Way, but no Backup Encryption credential is selected.',
		{
			hint: 'Select the one that the copies were encrypted with.',
		},
	);
}

function whichOf(context: IExecuteFunctions, item: number): WhichBackups {
	const type = oneOf(context.getNodeParameter('which', item), WHICH, 'Which Backups');
	if (type !== 'picked') return { type };
	const id = locatedText(context, 'backup', item, 'Backup').trim();
	if (id === '') throw new BackupError('INVALID_INPUT', 'No backup is chosen.', { hint: 'Fill in Backup.' });
	return { type, ids: [id] };
}

function assertPicked({ missing }: CopyReport, source: string): void {
	const [id] = missing;
	if (id === undefined) return;
	throw new BackupError('STORAGE_MISSING', `There is no backup with the id ${id} in ${source}.`, {
		hint: 'Look at Direction: the backup is looked for in the storage that is copied from. An archive whose manifest is missing or cannot be read is not found.',
	});
}

function summaryOf({ rows, unreadable, copiedBytes, dryRun }: CopyReport): string {
	const count = (...outcomes: string[]) => rows.filter(({ outcome }) => outcomes.includes(outcome)).length;
	const copied = `${count('copied', 'wouldBeCopied')} ${dryRun ? 'would be copied' : 'copied'} (${readableSize(copiedBytes)})`;
	const failed = count('failed') + unreadable.length;
	return `${copied}, ${count('skipped')} skipped, ${count('conflict')} in conflict, ${failed} failed`;
}

function removedWarning({ rows }: CopyReport): string[] {
	const removed = rows.filter(({ why }) => why === 'removed').length;
	if (removed === 0) return [];
	const what = removed === 1 ? '1 backup was' : `${removed} backups were`;
	return [
		`${what} copied before and removed at the target since, by retention or by people, and not copied again. All in Which Backups brings them back.`,
	];
}

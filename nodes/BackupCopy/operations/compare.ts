import { compareStorages, type CompareOutcome, type CompareRow } from '../../../engine';
import { stateOf } from '../../shared/backupColumns';
import { decryptionKeys } from '../../shared/encryption';
import { collectionOf, yesNoIn } from '../../shared/fields';
import { readableSize } from '../../shared/listSearch/size';
import type { JudgingOperation, Outcome } from '../../shared/outcome';
import { progressLog } from '../../shared/progress';
import { isSimplified, itemOf } from '../../shared/simplify';
import { openStorage, SECOND_STORAGE_CREDENTIAL } from '../../shared/storage';
import { compareFields } from '../descriptions/compare';
import { filtersOf } from '../descriptions/filters';

/** As items call it: the first storage is what is copied from. */
const WORDS: Record<CompareOutcome, { outcome: string; reason: string }> = {
	same: { outcome: 'same', reason: 'both have it' },
	missingAtTarget: { outcome: 'missingInSecond', reason: 'the second storage lacks it' },
	removedAtTarget: { outcome: 'removedInSecond', reason: 'removed in the second storage since it was copied' },
	missingAtSource: { outcome: 'onlyInSecond', reason: 'the first storage has it no more' },
	different: { outcome: 'different', reason: 'they are different' },
	damagedAtSource: { outcome: 'damagedInFirst', reason: 'damaged in the first storage' },
	damagedAtTarget: { outcome: 'damagedInSecond', reason: 'damaged in the second storage' },
};

/** What is as it should be: the second storage may keep backups for longer, or for a shorter time. */
const FINE: ReadonlySet<CompareOutcome> = new Set(['same', 'removedAtTarget', 'missingAtSource']);

/** Compares the two storages: one item for each backup of either. */
export const compare: JudgingOperation = {
	description: compareFields,
	words: { one: 'is missing, different or damaged', many: 'are missing, different or damaged' },
	async execute(context, item) {
		const isSimple = isSimplified(context, item);
		const options = collectionOf(context, 'options', item, 'Options');
		const includesSame = yesNoIn(options, 'includeSame', true, 'Include Same');
		const read: unknown = context.getNodeParameter('readEverything', item, false);
		const readEverything = yesNoIn({ read }, 'read', false, 'Read Everything');
		const filters = filtersOf(context, item, new Date());
		const trust = await decryptionKeys(context, item);
		const source = await openStorage(context, item);
		const target = await openStorage(context, item, SECOND_STORAGE_CREDENTIAL);
		const signal = context.getExecutionCancelSignal();
		const progress = progressLog((line) => context.logger.info(`Backup Copy: ${line}`));
		const rows = await compareStorages({
			source,
			target,
			filters,
			readEverything,
			...(trust && { trust }),
			onProgress: ({ compared, total, bytes, totalBytes }) =>
				progress(`${compared} of ${total} backups compared`, bytes, totalBytes),
			...(signal && { signal }),
		});
		return rows.filter(({ outcome }) => includesSame || outcome !== 'same').map((row) => outcomeOf(row, isSimple));
	},
};

function outcomeOf({ backup, key, outcome: found, problem }: CompareRow, isSimple: boolean): Outcome {
	const { outcome, reason } = WORDS[found];
	const { manifest } = backup ?? {};
	const columns = {
		outcome,
		name: manifest?.name,
		reason: problem ?? reason,
		startedAt: manifest?.startedAt,
		size: manifest && readableSize(manifest.size.stored),
		kind: manifest?.kind,
		state: manifest && stateOf(manifest),
		file: key.slice(key.lastIndexOf('/') + 1),
		key,
		id: manifest?.id,
	};
	const details = {
		storedBytes: manifest?.size.stored ?? null,
		sha256: manifest?.sha256 ?? null,
		tags: manifest?.tags ?? [],
	};
	return {
		passed: FINE.has(found),
		told: `${key}: ${reason}.${problem === undefined ? '' : ` ${problem}`}`,
		json: itemOf(columns, details, isSimple),
	};
}

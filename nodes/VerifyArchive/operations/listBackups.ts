import type { IExecuteFunctions } from 'n8n-workflow';

import {
	type BackupKind,
	chooseBackups,
	type ChosenBackups,
	deepestLevelOf,
	type KnownBackup,
	mapInParallel,
	type Storage,
	type VerificationLevel,
} from '../../../engine';
import { backupColumns } from '../../shared/backupColumns';
import { oneOf } from '../../shared/choice';
import { collectionOf } from '../../shared/fields';
import { folderOf, prefixOf } from '../../shared/folder';
import { showWarnings } from '../../shared/hints';
import { damagedItem } from '../../shared/listBackups';
import type { JudgingOperation } from '../../shared/outcome';
import { isSimplified, itemOf } from '../../shared/simplify';
import { openStorage } from '../../shared/storage';
import { verificationOf } from '../../shared/verified';
import { listBackupsFields } from '../descriptions/listBackups';
import { filtersOf } from '../filters';
import { ageHours } from '../reportItem';
import { dueBackups } from '../subjects';
import { newestOfEach } from '../trend';
import { daysOf, levelOf } from '../verifySettings';

/** Backups whose verifications are looked up at once. */
const READERS = 8;

/**
 * Lists backups of all kinds without reading any: one item for each, newest first, by which Verify verifies it. What cannot be
 * read is listed as well, for to verify it tells what is wrong.
 */
export const listBackups: JudgingOperation = {
	description: listBackupsFields,
	isListing: true,
	async execute(context, item) {
		const isSimple = isSimplified(context, item);
		const storage = await openStorage(context, item);
		const signal = context.getExecutionCancelSignal();
		const { backups, damaged } = await chosen(context, item, storage);
		const listed = await mapInParallel(backups, READERS, async ({ manifest, key }) => {
			const verification = await verificationOf(storage, { key, id: manifest.id }, signal);
			const { kind, size } = manifest;
			const { name, startedAt, runId, file, ...columns } = backupColumns(manifest, {
				key,
				verified: verification?.verdict ?? 'never',
			});
			const details = {
				runId: runId ?? null,
				file: file ?? null,
				storedBytes: size.stored,
				ageHours: ageHours(manifest),
				verification: verification && { ...verification },
			};
			return itemOf({ name, kind, startedAt, ...columns }, details, isSimple);
		});
		if (listed.length + damaged.length === 0) showWarnings(context, ['There is no such backup.']);
		const items = [...listed, ...damaged.map((one) => damagedItem(one, isSimple))];
		return items.map((json) => ({ json, passed: true, told: '' }));
	},
};

async function chosen(
	context: IExecuteFunctions,
	item: number,
	storage: Storage,
): Promise<ChosenBackups & { backups: KnownBackup[] }> {
	const which = oneOf(context.getNodeParameter('which', item), ['all', 'newest', 'due'] as const, 'Which Backups');
	const filters = filtersOf(context, item);
	const prefix = prefixOf(folderOf(collectionOf(context, 'options', item, 'Options'), ''));
	const signal = context.getExecutionCancelSignal();
	if (which === 'due') {
		const level = levelOf(context, item);
		const deepest = (kind: BackupKind): VerificationLevel =>
			level === 'restore' && deepestLevelOf(kind) !== 'restore' ? 'content' : level;
		return await dueBackups(storage, { filters, prefix, days: daysOf(context, item), levelOf: deepest, signal });
	}
	const found = await chooseBackups(storage, { ...filters, prefix, ...(signal && { signal }) });
	return which === 'newest' ? { ...found, backups: newestOfEach(found.backups) } : found;
}

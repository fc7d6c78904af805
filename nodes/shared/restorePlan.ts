/** The item of a restore that is a dry run: which backup, what it would replace, and what is in the way. */
import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import {
	type ArchiveProof,
	type ArchiveReader,
	BackupError,
	type Manifest,
	openArchive,
	proveArchive,
} from '../../engine';

import { type ArchivePlace, type WantedBackup, withArchive } from './archiveSource';
import { describeRestored, rounded } from './backupItem';
import { newestOfItsName } from './choices';
import { refusesAsRun } from './descriptions/dryRun';
import { showWarnings } from './hints';
import { readableSize } from './listSearch/size';
import { inOneText, itemOf } from './simplify';
import { verificationOf } from './verified';

/** The backup that a dry run is about. */
export interface PlannedBackup {
	manifest: Manifest;
	place: ArchivePlace;
	/** Opens it, and proves of it what can be proved in seconds. */
	open: () => Promise<ArchiveReader>;
	/** How well it was proved so far. */
	proof: () => ArchiveProof | undefined;
	/** The newest backups of the same name; null where it does not lie in the storage. */
	choices: () => Promise<IDataObject[] | null>;
}

/**
 * Runs `use` with the backup that the Source fields name.
 * @throws BackupError INVALID_INPUT for what is no backup of ours, and as withArchive does
 */
export async function withPlannedBackup<T>(
	context: IExecuteFunctions,
	item: number,
	wanted: WantedBackup,
	use: (backup: PlannedBackup) => Promise<T>,
): Promise<T> {
	const source = context.getNodeParameter('source', item);
	if (source !== 'storage' && source !== 'binaryData') throw noManifest('A file of another tool');
	return await withArchive(context, item, wanted, async (place) => {
		const { storage, key, folder, manifest, keys } = place;
		if (!manifest) throw noManifest(key);
		let proof: ArchiveProof | undefined;
		const open = async () => {
			const reader = await openArchive(storage, { manifest, folder }, keys);
			proof = await proveArchive(reader, context.getExecutionCancelSignal());
			return reader;
		};
		const choices = async () => {
			if (folder === undefined) return null;
			return await newestOfItsName(context, { storage, folder: wanted.folder, keys }, manifest);
		};
		return await use({ manifest, place, open, proof: () => proof, choices });
	});
}

function noManifest(what: string): BackupError {
	return new BackupError(
		'INVALID_INPUT',
		`${what} has no manifest, so nothing can be told of it without restoring it.`,
		{
			hint: 'Choose a backup from the storage, or switch Dry Run off and restore it into a new target.',
		},
	);
}

export interface PlannedRestore {
	/** `database shop`, `bucket documents` */
	into: string;
	/** In words: `3 tables with about 1502 rows, 8.2 MB`; `nothing: it does not exist`. */
	replaces: string;
	/** What is known of the target; null where it could not be asked. */
	target: IDataObject | null;
	/** What would be written, where that is known. */
	restores?: IDataObject | null;
	problems: readonly BackupError[];
	warnings: readonly string[];
}

/**
 * Tells a plan as an item.
 * @throws BackupError of the first problem where the option Refuse Like a Run is on
 */
export async function planItem(
	context: IExecuteFunctions,
	item: number,
	{ manifest, place: { key, folder, storage, remark }, proof, choices }: PlannedBackup,
	{ into, replaces, target, restores = null, problems, warnings }: PlannedRestore,
	isSimple: boolean,
): Promise<IDataObject> {
	if (refusesAsRun(context, item) && problems.length > 0) throw refusal(problems);
	const verified =
		folder === undefined
			? null
			: await verificationOf(storage, { key, id: manifest.id }, context.getExecutionCancelSignal()).catch(() => null);
	const told = [...(remark ? [remark] : []), ...warnings];
	if (verified?.verdict === 'failed')
		told.push(`Its last verification (${verified.level}, ${verified.at}) has failed.`);
	showWarnings(context, told);
	const { size, startedAt, file } = manifest;
	const ageSeconds = Math.max(0, Math.round((Date.now() - Date.parse(startedAt)) / 1000));
	const messages = problems.map(({ message }) => message);
	const columns = {
		ready: problems.length === 0,
		into,
		replaces,
		problem: inOneText(messages),
		warning: inOneText(told),
		startedAt,
		ageHours: rounded(ageSeconds / 3600),
		size: readableSize(size.stored),
		verified: verified ? `${verified.verdict} (${verified.level})` : 'never',
		file,
	};
	const details = {
		dryRun: true,
		target,
		restores,
		problems: problems.map(({ code, message, hint }) => ({ code, message, hint: hint ?? null })),
		warnings: told,
		backup: {
			...describeRestored(manifest),
			key,
			kind: manifest.kind,
			name: manifest.name,
			ageSeconds,
			storedBytes: size.stored,
			rawBytes: size.raw,
			counts: manifest.counts,
			encrypted: manifest.encryption !== null,
			checked: proof() ?? 'nothing',
			verified,
		},
		choices: isSimple ? null : await choices(),
	};
	return itemOf(columns, details, isSimple);
}

/** One error for all that is in the way. */
function refusal(problems: readonly BackupError[]): BackupError {
	const [first, ...others] = problems as [BackupError, ...BackupError[]];
	if (others.length === 0) return first;
	const hints = problems.flatMap(({ hint }) => (hint === undefined ? [] : [hint]));
	return new BackupError(first.code, problems.map(({ message }) => message).join(' '), {
		cause: first,
		...(hints.length > 0 && { hint: hints.join(' ') }),
	});
}

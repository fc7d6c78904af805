import type { IExecuteFunctions } from 'n8n-workflow';

import {
	BACKUP_KINDS,
	type BackupEntry,
	type BackupKind,
	BackupError,
	type BackupReference,
	chooseBackups,
	type ChosenBackups,
	type DamagedManifest,
	findBackup,
	type KnownBackup,
	type Manifest,
	type ManifestTrust,
	type Storage,
	type VerificationLevel,
} from '../../engine';

import { type Filters, filtersOf } from './filters';
import { chosenReference, incomingReference } from './reference';
import { INCONCLUSIVE } from './reportItem';
import { newestOfEach } from './trend';
import { daysOf, levelFor, type VerifySettings } from './verifySettings';

/**
 * What is to be verified: a backup of the storage; one that came in by itself, with its manifest; the key of one that cannot
 * be opened; a file that others made; or that what was asked for is not there, which is as bad as a backup that is bad.
 */
export type Subject =
	| { entry: KnownBackup }
	| { incoming: { manifest: Manifest; key: string } }
	| { key: string }
	| { file: string }
	| { missing: BackupError };

/** What is wrong with the backup, not with the question. */
const BAD = new Set<string>(['STORAGE_MISSING', 'MANIFEST_INVALID', ...INCONCLUSIVE]);

/** The backup that a field names. @throws BackupError what the storage throws */
export async function referred(
	storage: Storage,
	reference: BackupReference,
	prefix: string,
	signal?: AbortSignal,
	trust?: ManifestTrust,
): Promise<{ entry: BackupEntry } | { key: string } | { missing: BackupError }> {
	const finding = findBackup(storage, reference, prefix, signal, trust).then((entry) => ({ entry }));
	return await finding.catch(async (error: unknown) => {
		if (!(error instanceof BackupError) || !BAD.has(error.code)) throw error;
		if ('file' in reference) return { key: reference.file };
		// It is there; the verification finds out what is wrong with it.
		if ('id' in reference && error.code !== 'STORAGE_MISSING' && error.code !== 'MANIFEST_NEWER') {
			return { entry: await findBackup(storage, reference, prefix, signal) };
		}
		return { missing: error };
	});
}

/** The backups that the fields of Verify name, newest first. @throws BackupError INVALID_INPUT, and what the storage throws */
export async function subjectsOf(
	context: IExecuteFunctions,
	item: number,
	storage: Storage,
	settings: VerifySettings,
	trust: ManifestTrust | undefined,
): Promise<Subject[]> {
	const signal = context.getExecutionCancelSignal();
	const { which, prefix } = settings;
	if (which === 'one') return [await referred(storage, chosenReference(context, item), prefix, signal, trust)];
	if (which === 'incoming') return [await referred(storage, incomingReference(context, item), prefix, signal, trust)];
	const filters = filtersOf(context, item);
	if (which === 'due') {
		const days = daysOf(context, item);
		const levelOf = (kind: BackupKind) => levelFor(kind, settings);
		return asSubjects(await dueBackups(storage, { filters, prefix, days, levelOf, trust, signal }));
	}
	const { backups, damaged } = await chooseBackups(storage, {
		...filters,
		prefix,
		...(trust && { trust }),
		...(signal && { signal }),
	});
	const found = asSubjects({ backups: which === 'newest' ? newestOfEach(backups) : backups, damaged });
	return found.length > 0 ? found : [{ missing: nothingThere(storage, prefix) }];
}

/** Which backups are due. */
export interface DueChoice {
	filters: Filters;
	/** The beginning of all keys that are looked at. */
	prefix: string;
	/** How long ago the last verification may be. */
	days: number;
	/** How deep one of a kind can be verified: not all can be as deep as was asked, and none is due for what it cannot reach. */
	levelOf: (kind: BackupKind) => VerificationLevel;
	trust?: ManifestTrust | undefined;
	signal: AbortSignal | undefined;
}

/** Those that nobody has verified lately, newest first. @throws BackupError as chooseBackups does */
export async function dueBackups(
	storage: Storage,
	{ filters, prefix, days, levelOf, trust, signal }: DueChoice,
): Promise<ChosenBackups> {
	const kinds = filters.kinds ?? BACKUP_KINDS;
	const levels = [...new Set(kinds.map(levelOf))];
	const lists = [];
	for (const level of levels) lists.push(await due(level));
	const [{ damaged } = { damaged: [] }] = lists;
	const backups = lists.flatMap((list) => list.backups);
	backups.sort((a, b) => (a.manifest.startedAt < b.manifest.startedAt ? 1 : -1));
	return { backups, damaged };

	async function due(level: VerificationLevel): Promise<ChosenBackups> {
		return await chooseBackups(storage, {
			...filters,
			prefix,
			kinds: kinds.filter((kind) => levelOf(kind) === level),
			notVerifiedFor: { days, level },
			...(trust && { trust }),
			...(signal && { signal }),
		});
	}
}

function asSubjects({ backups, damaged }: ChosenBackups): Subject[] {
	const isInconclusive = ({ error }: DamagedManifest) => INCONCLUSIVE.has(error.code);
	const asKey = ({ manifestKey }: DamagedManifest) => ({ key: manifestKey });
	// What cannot be read may be newer than all the others. What is not believed may be all that was made before there were
	// proofs, and is not believed the next time either; nor is what a newer version has made read then. Such manifests come
	// last: they would use up the limits of every run.
	return [
		...damaged.filter((one) => !isInconclusive(one)).map(asKey),
		...backups.map((entry) => ({ entry })),
		...damaged.filter(isInconclusive).map(asKey),
	];
}

/** That there is nothing to look at where something should be. */
export function nothingThere(storage: Storage, prefix: string): BackupError {
	const where = prefix === '' ? '' : ` under ${prefix}`;
	return new BackupError('STORAGE_MISSING', `There is no such backup${where} in ${storage.description}.`, {
		hint: 'Make one. If there should be some, look at Folder, Filters and the Backup Storage credential.',
	});
}

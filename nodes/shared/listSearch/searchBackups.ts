import type { ILoadOptionsFunctions, INodeListSearchItems, INodeListSearchResult } from 'n8n-workflow';

import {
	type BackupKind,
	type ListedBackup,
	listManifests,
	MANIFEST_SUFFIX,
	type Storage,
	verificationState,
	mapInParallel,
} from '../../../engine';
import { toListError } from '../errors';
import { folderPrefix } from '../folder';
import { openStorageForList, type StorageCredentialType } from '../storage';

import { backupLabel, damagedLabel, VERIFIED_WORDS } from './label';

/** Each entry may take a request to the storage, for what verifications found: further ones come as the user scrolls. */
const PAGE = 50;
/** So many of them are looked up at once. */
const READERS = 8;

/** Milliseconds that a user may have to wait for them, where the storage does not answer. */
const PATIENCE = 20_000;

/** Which backups a node lists. */
export interface OfferedBackups {
	/** Only of this kind; those of all kinds where it is left out. */
	kind?: BackupKind;
	/** The node's folder, where the Folder option names no other. */
	ownFolder: string;
	/** Offers what has a manifest that cannot be read as well, by the key of its archive. */
	withDamaged?: boolean;
	/** Which storage of the node is listed; by default the first. */
	storage?: StorageCredentialType;
}

/** An entry before it is on the page that is shown. */
interface Offer {
	value: string;
	/** ISO 8601, UTC. */
	moment: string;
	/** None, where the manifest cannot be read. */
	copies: ListedBackup[];
	name: string;
}

/**
 * A page of the backups in the storage, newest first, each once with its weekly copies. What is typed is searched for word by
 * word in what the entries show. What verifications found is read only of those that may be on the page.
 */
export async function backupsFound(
	context: ILoadOptionsFunctions,
	filter: string,
	page: string | undefined,
	offered: OfferedBackups,
): Promise<INodeListSearchResult> {
	try {
		const storage = await openStorageForList(context, offered.storage);
		const words = filter.toLowerCase().split(/\s+/);
		const all = await offersIn(storage, folderPrefix(context, offered.ownFolder), offered);
		const possible = all.filter(({ name }) => words.every((word) => holds(name, word) || isOfVerification(word)));
		const signal = AbortSignal.timeout(PATIENCE);
		const results: INodeListSearchItems[] = [];
		let next = Number(page ?? 0);
		while (results.length < PAGE && next < possible.length && !signal.aborted) {
			const some = possible.slice(next, next + PAGE);
			const items = await mapInParallel(some, READERS, async (offer) => await itemOf(storage, offer, offered, signal));
			results.push(...items.filter(({ name }) => words.every((word) => holds(name, word))));
			next += some.length;
		}
		return { results, ...(next < possible.length && { paginationToken: String(next) }) };
	} catch (error) {
		throw toListError(context.getNode(), error);
	}
}

function holds(text: string, word: string): boolean {
	return text.toLowerCase().includes(word);
}

/** Whether a word may stand in an entry once it is known what verifications found. */
function isOfVerification(word: string): boolean {
	return Object.values(VERIFIED_WORDS).some((words) => holds(words, word));
}

async function offersIn(storage: Storage, prefix: string, { kind, withDamaged }: OfferedBackups): Promise<Offer[]> {
	const { backups, damaged } = await listManifests(storage, prefix, kind ? { kind } : {});
	const byId = new Map<string, ListedBackup[]>();
	for (const entry of backups) byId.set(entry.manifest.id, [...(byId.get(entry.manifest.id) ?? []), entry]);
	const whole = Array.from(byId, ([value, copies]): Offer => {
		return { value, moment: copies[0]!.manifest.startedAt, copies, name: backupLabel(copies, kind === undefined) };
	});
	if (!withDamaged) return whole;
	const unreadable = damaged.map((one): Offer => {
		const key = one.manifestKey.slice(0, -MANIFEST_SUFFIX.length);
		return { value: key, moment: one.modifiedAt.toISOString(), copies: [], name: damagedLabel(key, one) };
	});
	return [...whole, ...unreadable].sort((a, b) => (a.moment === b.moment ? 0 : a.moment < b.moment ? 1 : -1));
}

/** What cannot be read of its verifications is left out: it must not hide the backup. */
async function itemOf(
	storage: Storage,
	{ value, copies, name }: Offer,
	{ kind }: OfferedBackups,
	signal: AbortSignal,
): Promise<INodeListSearchItems> {
	const [first] = copies;
	if (!first?.hasRecord) return { name, value };
	const { key, manifest } = first;
	const verified = await verificationState(storage, { key, id: manifest.id }, signal).catch(() => undefined);
	return { name: backupLabel(copies, kind === undefined, verified), value };
}

/**
 * How a restore tells the collections that it has made from others of the same name, for nothing else may it remove: it
 * creates each of them empty, which takes the name, with a mark in its metadata, fills it, and takes the mark off in the end.
 *
 * Facts of 1.16.3 that shape this file:
 * - creating a collection that exists answers 409, so of two restores into one new name only one goes on;
 * - a snapshot that is put into a collection leaves the metadata as they are;
 * - a collection that is deleted while the server is unpacking a snapshot for it comes back without its metadata, and one
 *   that somebody makes anew meanwhile is filled in its place; so nothing is deleted while the server may be at that.
 */
import { randomUUID } from 'node:crypto';

import { BackupError, messageOf } from '../../../errors';
import type { QdrantClient } from '../../client/client';
import { isOutcomeUnknown, statusOf } from '../../client/failure';
import type { JsonObject } from '../../client/types';
import { removeUploads } from '../../artifacts/uploads';
import { leave, type RestoreContext } from '../context';
import { MARK, markIn } from '../../artifacts/metadata';

/**
 * Creates a collection under a name that is free.
 * @throws BackupError TARGET_EXISTS, and what creating it fails with
 */
export async function claimCollection(
	context: RestoreContext,
	collection: string,
	settings: JsonObject,
): Promise<void> {
	const { client } = context.topology;
	const mark = randomUUID();
	const metadata = { ...(settings['metadata'] as JsonObject | undefined), [MARK]: mark };
	try {
		// Not to be cancelled: whether there is one then would have to be found out.
		await client.createCollection(collection, { ...settings, metadata });
	} catch (error) {
		if (statusOf(error) === 409) throw await nameTaken(client, collection);
		if (isOutcomeUnknown(error)) {
			context.made.set(collection, { mark });
			await discard(context, collection);
		}
		throw error;
	}
	context.made.set(collection, { mark });
	const found = await look(client, collection);
	context.made.set(collection, { mark: found?.mark });
}

/**
 * Fingerprints a collection that the server's answer to this run has just made of a snapshot, under a name that was free. For
 * snapshots whose settings nobody knows before: there is a moment in which somebody else could have made it.
 */
export async function adoptCollection({ topology, made }: RestoreContext, collection: string): Promise<void> {
	const mark = randomUUID();
	made.set(collection, { mark: undefined });
	await topology.client.updateCollection(collection, { metadata: { [MARK]: mark } });
	made.set(collection, { mark: (await look(topology.client, collection))?.mark });
}

/**
 * Removes a collection that this run has made, and nothing else. What it does not remove, or cannot, is reported in the run's
 * warnings, and in its error where it fails.
 */
export async function discard(context: RestoreContext, collection: string): Promise<void> {
	const { topology, made } = context;
	const own = made.get(collection);
	if (own?.busy) return leave(context, busyMessage(collection, own.busy));
	try {
		const found = await look(topology.client, collection);
		if (found && (!own || found.mark !== own.mark)) {
			const reason = 'it is not certain that this restore has made it. Look at it, and delete it if it is not wanted.';
			return leave(context, `The collection ${collection} was not removed: ${reason}`);
		}
		if (found) {
			// Without the collection no call reaches the file on the server's disk.
			await removeUploads(topology.client, collection);
			await topology.client.deleteCollection(collection);
		}
		made.delete(collection);
	} catch (error) {
		leave(context, `The incomplete collection ${collection} could not be removed, delete it: ${messageOf(error)}`);
	}
}

/**
 * Lets the checks ask as much as they have to: a collection brings along a strict mode, which may limit how often and what may
 * be asked. Nobody else uses it yet; `releaseCollections` switches the mode on again.
 */
export async function suspendStrictMode({ topology, made, log }: RestoreContext, collection: string): Promise<void> {
	const own = made.get(collection);
	if (!own) return;
	try {
		const { config } = await topology.client.collection(collection);
		if ((config.strict_mode_config as JsonObject | null | undefined)?.['enabled'] !== true) return;
		// Noted before: of an answer that is lost it is not known whether the mode is off.
		own.isStrictModeOff = true;
		await topology.client.updateCollection(collection, { strict_mode_config: { enabled: false } });
	} catch (error) {
		log(`The strict mode of ${collection} stays on during the checks: ${messageOf(error)}`);
	}
}

/** Takes the marks off the collections that stay, and switches their strict mode on again. */
export async function releaseCollections({ topology, made, warnings }: RestoreContext): Promise<void> {
	for (const [collection, { mark, busy, isStrictModeOff }] of made) {
		if (busy || (mark === undefined && !isStrictModeOff)) continue;
		try {
			await topology.client.updateCollection(collection, {
				...(mark !== undefined && { metadata: { [MARK]: null } }),
				...(isStrictModeOff && { strict_mode_config: { enabled: true } }),
			});
		} catch (error) {
			const left = mark === undefined ? '' : `The metadata of ${collection} still hold the entry ${MARK}`;
			const off = isStrictModeOff ? `the strict mode of ${collection} may be off: switch it on` : '';
			warnings.push(`${[left, off].filter(Boolean).join(', and ')}: ${messageOf(error)}`);
		}
	}
}

/** The TARGET_EXISTS error for a collection that is there already. */
export async function nameTaken(client: QdrantClient, collection: string): Promise<BackupError> {
	const found = await look(client, collection).catch(() => undefined);
	return new BackupError(
		'TARGET_EXISTS',
		`There is a collection named ${collection} already; nothing was changed.`,
		found?.mark === undefined
			? { hint: 'Choose another name, or restore over it by a safe swap.' }
			: { hint: 'Another restore is filling it, or was cut off while it did: in that case delete it, then try again.' },
	);
}

/** The mark of a collection; undefined where there is no such collection. */
async function look(client: QdrantClient, collection: string): Promise<{ mark: string | undefined } | undefined> {
	try {
		const { config } = await client.collection(collection);
		return { mark: markIn(config.metadata) };
	} catch (error) {
		if (statusOf(error) === 404) return undefined;
		throw error;
	}
}

/** Withdraws what `discard` reported of a collection that the server may be filling, for a run that reports more of it. */
export function withdrawBusy({ made, warnings, left }: RestoreContext, collection: string): void {
	const busy = made.get(collection)?.busy;
	if (!busy) return;
	for (const told of [warnings, left]) {
		const place = told.indexOf(busyMessage(collection, busy));
		if (place >= 0) told.splice(place, 1);
	}
}

function busyMessage(collection: string, busy: 'late' | 'lost'): string {
	return busy === 'late'
		? `The server is still taking the snapshot in as ${collection}, which is removed as soon as that is done.`
		: `The connection was lost after everything had been sent: the server may have restored the collection ${collection}, or may be at it still. Look at it later, and delete it if it is not wanted.`;
}

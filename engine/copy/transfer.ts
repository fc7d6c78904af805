/**
 * One archive on its way from one storage to another. It is hashed as it goes by, and the target gets its last bytes only when the hash
 * is that of the manifest; the manifest follows, to the byte, and makes the copy a backup. Where one server copies by itself, nothing
 * goes by: then the copy is read back and hashed before its manifest is stored.
 */
import { createHash } from 'node:crypto';

import {
	CLAIM_SUFFIX,
	folderOf,
	keyIn,
	manifestKeyOf,
	type ListedBackup,
	type Manifest,
	type ManifestTrust,
} from '../archive';
import { assertAuthentic } from '../archive/manifest/authenticity';
import { manifestBytes } from '../archive/manifest/file';
import { summaryOf } from '../archive/catalog/entry';
import { parseManifest } from '../archive/manifest/text';
import { StoredFile } from '../archive/read/stored-file';
import { Claim } from '../archive/write/claim';
import { BackupError, throwIfCancelled } from '../errors';
import { giveBack } from '../storage/lent';
import type { Storage } from '../storage/storage';
import { isSameBackup } from './side';

/** From where to where. */
export interface Route {
	source: Storage;
	target: Storage;
	/** By what the manifests of the source are believed. */
	trust: ManifestTrust;
	/** Makes sure, right before a backup begins to exist, that this run still may. @throws BackupError STORAGE_LOCKED */
	confirm: () => Promise<void>;
	signal: AbortSignal | undefined;
	/** Bytes that have gone by. */
	onBytes: (bytes: number) => void;
}

/** How the bytes of an archive came to the target. */
export type Way = 'streamed' | 'byServer' | 'wasThere';

/** The source has it no more: it was pruned since it was listed. */
export class GoneMeanwhile extends Error {}

/**
 * Copies a backup to its own key. All that it needs must be there already.
 * @throws GoneMeanwhile; BackupError ARCHIVE_CORRUPT (the source is damaged), STORAGE_EXISTS (something else stands there, which stays),
 * MANIFEST_INVALID, KEY_WRONG, NOT_AUTHENTIC, STORAGE_LOCKED, CANCELLED, and what the storages throw. Nothing is left in the target then.
 */
export async function transfer(route: Route, { key, manifest: listed }: ListedBackup): Promise<Way> {
	const { target, signal } = route;
	throwIfCancelled(signal);
	const { manifest, content } = await manifestOf(route, key);
	if (!isSameBackup(summaryOf(manifest), listed)) throw changedMeanwhile(key);
	const claim = await claimed(route, key, manifest);
	try {
		const way = await archiveTo(route, key, manifest);
		try {
			await assertFree(route, key, manifest);
			await route.confirm();
			await target.replace(manifestKeyOf(key), content, signal ? { signal } : {});
		} catch (error) {
			if (way !== 'wasThere') await withdraw(target, key);
			throw error;
		}
		return way;
	} finally {
		await claim?.release();
	}
}

/** The manifest of the source, to the byte. */
async function manifestOf(
	{ source, trust, signal }: Route,
	key: string,
): Promise<{ manifest: Manifest; content: Buffer }> {
	const where = manifestKeyOf(key);
	const content = await manifestBytes(source, where, signal);
	if (!content) throw new GoneMeanwhile(key);
	const manifest = parseManifest(content.toString('utf8'), where);
	if (keyIn(folderOf(key), manifest.file) !== key) throw changedMeanwhile(key);
	await assertAuthentic(manifest, { where, folder: folderOf(key) }, trust);
	return { manifest, content };
}

/**
 * Claims the name, as a writer of a backup does, so that none takes it, and retention knows what a killed copy has left.
 * Only one copy at a time works on a target: the claim of another one is of a run that is over.
 */
async function claimed(route: Route, key: string, { kind, name, file }: Manifest): Promise<Claim | undefined> {
	const { target, signal } = route;
	const copy = { kind, name, file, copy: true as const };
	const claim = await Claim.take(target, key, copy, signal);
	if (claim !== 'taken') return claim;
	if (!(await Claim.isOfCopy(target, key))) throw beingWritten(key);
	await target.remove(`${key}${CLAIM_SUFFIX}`);
	const again = await Claim.take(target, key, copy, signal);
	if (again === 'taken') throw beingWritten(key);
	return again;
}

/** Brings the archive to the target, where it is not there yet. */
async function archiveTo(route: Route, key: string, manifest: Manifest): Promise<Way> {
	const { source, target, signal } = route;
	const options = signal ? { signal } : {};
	const found = await target.stat(key);
	if (found) {
		// A run that was killed right before the manifest has left it.
		if (found.size === manifest.size.stored && (await isRight(target, key, manifest, signal))) return 'wasThere';
		throw new BackupError('STORAGE_EXISTS', `The target has another file under the name ${key}.`, {
			hint: 'Nothing is overwritten. Look at it; remove or move it, and copy again.',
		});
	}
	const byServer = await target.copyFrom?.(source, key, key, options);
	if (byServer) {
		try {
			await assertRight(target, key, manifest, signal);
		} catch (error) {
			await withdraw(target, key);
			throw error instanceof BackupError && error.code === 'ARCHIVE_CORRUPT' ? damaged(key) : error;
		}
		return 'byServer';
	}
	await target.write(key, checked(route, key, manifest), { ...options, expectedSize: manifest.size.stored });
	return 'streamed';
}

/** The bytes of the source; all but the last are handed on before it is known whether they are right. */
async function* checked(
	{ source, signal, onBytes }: Route,
	key: string,
	{ sha256, size }: Manifest,
): AsyncGenerator<Uint8Array> {
	const hash = createHash('sha256');
	let bytes = 0;
	let stream: AsyncIterable<Uint8Array>;
	try {
		stream = await source.read(key, signal ? { signal } : {});
	} catch (error) {
		if (error instanceof BackupError && error.code === 'STORAGE_MISSING') throw new GoneMeanwhile(key);
		throw error;
	}
	for await (const chunk of stream) {
		bytes += chunk.length;
		// Who holds the source must not fill the target.
		if (bytes > size.stored) throw damaged(key);
		hash.update(chunk);
		onBytes(chunk.length);
		yield chunk;
	}
	if (bytes !== size.stored || hash.digest('hex') !== sha256) throw damaged(key);
}

/** Whether an archive is what a manifest says, to the byte. */
async function isRight(
	storage: Storage,
	key: string,
	manifest: Manifest,
	signal: AbortSignal | undefined,
): Promise<boolean> {
	try {
		await assertRight(storage, key, manifest, signal);
		return true;
	} catch (error) {
		if (error instanceof BackupError && error.code === 'ARCHIVE_CORRUPT') return false;
		throw error;
	}
}

/** Reads an archive and compares its hash. @throws BackupError ARCHIVE_CORRUPT, and what the storage throws */
export async function assertRight(
	storage: Storage,
	key: string,
	manifest: Pick<Manifest, 'sha256' | 'size'>,
	signal?: AbortSignal,
): Promise<void> {
	const file = new StoredFile({ storage, key, manifest, ...(signal && { signal }) });
	try {
		for await (const chunk of file.bytes) giveBack(chunk);
		await file.verify();
	} finally {
		await file.close();
	}
}

/** Nobody else writes there: but what nobody does must not be overwritten either. */
async function assertFree({ target, signal }: Route, key: string, manifest: Manifest): Promise<void> {
	const there = await manifestBytes(target, manifestKeyOf(key), signal);
	if (!there) return;
	const other = parseManifest(there.toString('utf8'), manifestKeyOf(key));
	if (isSameBackup(summaryOf(other), summaryOf(manifest))) return;
	throw new BackupError('STORAGE_EXISTS', `The target has another backup under the name ${key}.`, {
		hint: 'Something has written there while this run copied. Nothing is overwritten.',
	});
}

/** Takes back an archive, unless its manifest is there, although storing it seemed to fail. */
async function withdraw(target: Storage, key: string): Promise<void> {
	try {
		if (!(await target.stat(manifestKeyOf(key)))) await target.remove(key);
	} catch {
		// By its claim, the next run and retention know what it is.
	}
}

function damaged(key: string): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The archive ${key} is not what its manifest says, so it was not copied.`, {
		hint: 'Verify it at the source, and make a new backup. Nothing of it is left at the target.',
	});
}

function changedMeanwhile(key: string): BackupError {
	return new BackupError('MANIFEST_INVALID', `The manifest of ${key} was replaced since it was listed.`, {
		hint: 'Copy again. If this comes back, find out who writes to the source.',
	});
}

function beingWritten(key: string): BackupError {
	return new BackupError(
		'STORAGE_LOCKED',
		`Somebody else is writing ${key} at the target, or was until a moment ago.`,
		{
			hint: 'Copy again later: what a killed writer has left is cleared away after an hour.',
		},
	);
}

/**
 * One archive on its way from one storage to another. It is hashed as it goes by, and the target gets its last bytes only when the hash
 * is that of the manifest; the manifest follows, to the byte, and makes the copy a backup. Where one server copies by itself, nothing
 * goes by: then the copy is read back and hashed before its manifest is stored.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

import {
	CLAIM_SUFFIX,
	folderOf,
	keyIn,
	manifestKeyOf,
	type DecryptionKeys,
	type ListedBackup,
	type Manifest,
} from '../archive';
import { summaryOf } from '../archive/catalog/entry';
import { type Encryptor, unlockKeys } from '../archive/encryption/encryption';
import { assertAuthentic } from '../archive/manifest/authenticity';
import { manifestBytes } from '../archive/manifest/file';
import { parseManifest } from '../archive/manifest/text';
import { wholePass } from '../archive/read/read-pass';
import { StoredFile } from '../archive/read/stored-file';
import { Claim } from '../archive/write/claim';
import { BackupError, throwIfCancelled } from '../errors';
import { giveBack } from '../storage/lent';
import type { Storage } from '../storage/storage';
import { encryptedManifest, formOf, originalOf, targetKeyOf, type CopyForm, type EncryptionOnTheWay } from './form';
import { isSameBackup } from './side';

/** From where to where. */
export interface Route {
	source: Storage;
	target: Storage;
	/** By what the manifests of the source are believed; opens what is decrypted. */
	trust: DecryptionKeys;
	onTheWay: EncryptionOnTheWay;
	/** Of a run that encrypts. */
	encryptor: Encryptor | undefined;
	/** Makes sure, right before a backup begins to exist, that this run still may. @throws BackupError STORAGE_LOCKED */
	confirm: () => Promise<void>;
	signal: AbortSignal | undefined;
	/** Bytes of archives that have gone by, or were read back. */
	onBytes: (bytes: number) => void;
	/** What the target was seen to hold under a key of an archive: then it is looked at more closely before anything is written there. */
	isListed: (key: string) => boolean;
}

/** How the bytes of an archive came to the target. */
export type Way = 'streamed' | 'byServer' | 'wasThere';

/** The source has it no more: it was pruned since it was listed. */
export class GoneMeanwhile extends Error {}

/** A manifest and its text. */
interface Told {
	manifest: Manifest;
	content: Buffer;
}

/** What is to be made in the target. */
interface Making {
	from: string;
	to: string;
	/** That of the source. */
	told: Told;
	/** That of the copy; undefined where only its archive, once made, tells what it says. */
	wanted: Told | undefined;
	form: CopyForm;
}

/**
 * Copies a backup. All that it needs must be there already.
 * @throws GoneMeanwhile; BackupError ARCHIVE_CORRUPT (the source is damaged), STORAGE_EXISTS (something else stands there, which stays),
 * MANIFEST_INVALID, KEY_WRONG, KEY_MISSING, NOT_AUTHENTIC, STORAGE_LOCKED, CANCELLED, and what the storages throw. Nothing is left in the
 * target then.
 */
export async function transfer(route: Route, { key, manifest: listed }: ListedBackup): Promise<Way> {
	const { target, onTheWay, signal } = route;
	throwIfCancelled(signal);
	const told = await manifestOf(route, key);
	if (!isSameBackup(summaryOf(told.manifest), listed)) throw changedMeanwhile(key);
	const form = formOf(told.manifest, onTheWay);
	const to = targetKeyOf(key, told.manifest, onTheWay);
	const wanted = form === 'encrypted' ? undefined : form === 'decrypted' ? await originalOf(told.manifest, key) : told;
	const making = { from: key, to, told, wanted, form };
	const { claim, isLeftOver } = await claimed(route, to, told.manifest);
	try {
		const made = await archiveTo(route, making, isLeftOver);
		try {
			await commit(route, making, made.content);
		} catch (error) {
			if (made.way !== 'wasThere') await withdraw(target, to);
			throw error;
		}
		return made.way;
	} finally {
		await claim?.release();
	}
}

/** Stores the manifest, which makes the copy a backup. */
async function commit(route: Route, making: Making, content: Buffer): Promise<void> {
	const { target, isListed, confirm, signal } = route;
	const { to } = making;
	const [key, options] = [manifestKeyOf(to), signal ? { signal } : {}];
	if (!isListed(to)) {
		await confirm();
		try {
			await target.write(key, Readable.from([content]), { ...options, expectedSize: content.length, isProof: true });
			return;
		} catch (error) {
			if (!(error instanceof BackupError) || error.code !== 'STORAGE_EXISTS') throw error;
			// Somebody has stored one since the target was listed.
		}
	}
	await assertFree(route, making);
	await confirm();
	await target.replace(key, content, options);
}

/** The manifest of the source, to the byte. */
async function manifestOf({ source, trust, signal }: Route, key: string): Promise<Told> {
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
async function claimed(
	{ target, signal }: Route,
	key: string,
	{ kind, name }: Manifest,
): Promise<{ claim: Claim | undefined; isLeftOver: boolean }> {
	const copy = { kind, name, file: key.slice(key.lastIndexOf('/') + 1), copy: true as const };
	const claim = await Claim.take(target, key, copy, signal);
	if (claim !== 'taken') return { claim, isLeftOver: false };
	if (!(await Claim.isOfCopy(target, key))) throw beingWritten(key);
	await target.remove(`${key}${CLAIM_SUFFIX}`);
	const again = await Claim.take(target, key, copy, signal);
	if (again === 'taken') throw beingWritten(key);
	return { claim: again, isLeftOver: true };
}

/**
 * Brings the archive to the target, where it is not there yet.
 * @param isLeftOver whether a copy that was killed had claimed the name
 * @returns with the text of its manifest
 */
async function archiveTo(route: Route, making: Making, isLeftOver: boolean): Promise<{ way: Way; content: Buffer }> {
	const { target, isListed } = route;
	const { to, wanted } = making;
	// What comes there since it was listed is not overwritten either.
	const found = isLeftOver || isListed(to) ? await target.stat(to) : undefined;
	if (found && !(await target.stat(manifestKeyOf(to)))) {
		// A run that was killed right before the manifest has left it.
		const { size } = wanted?.manifest ?? {};
		if (found.size === size?.stored && (await isRight(route, to, wanted!.manifest))) {
			return { way: 'wasThere', content: wanted!.content };
		}
		// Of what is encrypted nobody can tell which key it has; what a copy has claimed and not committed is no backup.
		if (!wanted && isLeftOver) await target.remove(to);
		else throw otherFile(to);
	} else if (found) throw otherFile(to);
	if (!wanted) return await encrypted(route, making);
	return { way: await broughtAs(route, making, wanted), content: wanted.content };
}

async function broughtAs(route: Route, { from, to, told, form }: Making, wanted: Told): Promise<Way> {
	const { source, target, signal } = route;
	const options = signal ? { signal } : {};
	const byServer = form === 'asIs' ? await target.copyFrom?.(source, from, to, options) : undefined;
	if (byServer) {
		try {
			await assertRight(target, to, wanted.manifest, { onBytes: route.onBytes, ...options });
		} catch (error) {
			await withdraw(target, to);
			throw error instanceof BackupError && error.code === 'ARCHIVE_CORRUPT' ? damaged(from) : error;
		}
		return 'byServer';
	}
	const bytes = form === 'asIs' ? stored(route, from) : decrypted(route, from, told.manifest);
	const content = checked(bytes, from, wanted.manifest, form === 'asIs' ? route.onBytes : () => {});
	await target.write(to, content, { ...options, expectedSize: wanted.manifest.size.stored });
	return 'streamed';
}

async function encrypted(route: Route, { from, to, told }: Making): Promise<{ way: Way; content: Buffer }> {
	const { target, signal, encryptor, onBytes } = route;
	if (!encryptor || told.manifest.formatVersion === 1) throw tooOld(from);
	const plain = checked(stored(route, from), from, told.manifest, onBytes);
	const hash = createHash('sha256');
	let size = 0;
	const hashed = async function* () {
		for await (const chunk of encryptor.encrypt(plain)) {
			hash.update(chunk);
			size += chunk.length;
			yield chunk;
		}
	};
	await target.write(to, hashed(), {
		...(signal && { signal }),
		estimatedSize: told.manifest.size.stored * 1.01 + 65_536,
	});
	try {
		const content = await encryptedManifest(told, { sha256: hash.digest('hex'), size }, encryptor);
		return { way: 'streamed', content };
	} catch (error) {
		await withdraw(target, to);
		throw error;
	}
}

/** The bytes of an archive as they are stored. */
async function* stored({ source, signal }: Route, key: string): AsyncGenerator<Uint8Array> {
	try {
		yield* await source.read(key, { lends: true, ...(signal && { signal }) });
	} catch (error) {
		if (error instanceof BackupError && error.code === 'STORAGE_MISSING') throw new GoneMeanwhile(key);
		throw error;
	}
}

/** The bytes that an archive had before it was encrypted; what is stored is compared with its hash as well. */
async function* decrypted(
	{ source, trust, signal, onBytes }: Route,
	key: string,
	manifest: Manifest,
): AsyncGenerator<Uint8Array> {
	const unlocked = await unlockKeys(manifest.encryption!, trust);
	const pass = wholePass({ storage: source, key, manifest, signal }, unlocked, false);
	let before = 0;
	try {
		for await (const chunk of pass.cursor.remainder()) {
			onBytes(pass.file.size - before);
			before = pass.file.size;
			yield chunk;
		}
		await pass.file.verify();
	} catch (error) {
		throw await pass.explain(error);
	} finally {
		await pass.close();
	}
}

/** All but the last bytes are handed on before it is known whether they are right. */
async function* checked(
	source: AsyncIterable<Uint8Array>,
	key: string,
	{ sha256, size }: Manifest,
	onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
	const hash = createHash('sha256');
	let bytes = 0;
	for await (const chunk of source) {
		bytes += chunk.length;
		// Who holds the source must not fill the target.
		if (bytes > size.stored) throw damaged(key);
		hash.update(chunk);
		onBytes(chunk.length);
		yield chunk;
	}
	if (bytes !== size.stored || hash.digest('hex') !== sha256) throw damaged(key);
}

/** Whether an archive in the target is what a manifest says, to the byte. */
async function isRight({ target, onBytes, signal }: Route, key: string, manifest: Manifest): Promise<boolean> {
	try {
		await assertRight(target, key, manifest, { onBytes, ...(signal && { signal }) });
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
	{ onBytes = () => {}, signal }: { onBytes?: (bytes: number) => void; signal?: AbortSignal } = {},
): Promise<void> {
	const file = new StoredFile({ storage, key, manifest, ...(signal && { signal }) });
	try {
		for await (const chunk of file.bytes) {
			onBytes(chunk.length);
			giveBack(chunk);
		}
		await file.verify();
	} finally {
		await file.close();
	}
}

/** Nobody else writes there: but what nobody does must not be overwritten either. */
async function assertFree({ target, signal }: Route, { to, told, form }: Making): Promise<void> {
	const there = await manifestBytes(target, manifestKeyOf(to), signal);
	if (!there) return;
	const other = parseManifest(there.toString('utf8'), manifestKeyOf(to));
	// One that has lost its archive gets it back; what is encrypted has another one each time.
	if (form !== 'encrypted' && isSameBackup(summaryOf(other), summaryOf(told.manifest))) return;
	throw new BackupError('STORAGE_EXISTS', `The target has another backup under the name ${to}.`, {
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

function otherFile(key: string): BackupError {
	return new BackupError('STORAGE_EXISTS', `The target has another file under the name ${key}.`, {
		hint: 'Nothing is overwritten. Look at it; remove or move it, and copy again.',
	});
}

function tooOld(key: string): BackupError {
	return new BackupError('MANIFEST_NEWER', `${key} was made by an early version, and cannot be encrypted on its way.`, {
		hint: 'Copy it as it is, or make a new backup.',
	});
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

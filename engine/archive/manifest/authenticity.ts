/**
 * Who made a manifest. With a passphrase, a backup's manifest carries a proof: HMAC-SHA-256 over all of it, under a key that
 * is derived from the passphrase. Whoever holds the storage, and not the passphrase, can neither make one nor change
 * anything that the manifest says: name, kind, folder, file, times, hashes, index, what it was encrypted with.
 *
 * One fact is left out, `pinned`: it changes later, by people who need no passphrase for it. Nothing is lost by that.
 * Every backup was unpinned once, so with the pin under the proof, whoever holds the storage would put the older manifest
 * back, which is as genuine; and he can delete the backup anyway.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

import { BackupError } from '../../errors';
import { canonicalJson } from './canonical';
import type { Manifest, ManifestProof } from './manifest';
import { isKept, manifestKey, type ManifestKey } from './proof-key';
import { isUsualFolder, weekOfFolder } from '../naming';

/** What decides which backups a reader may believe. */
export interface ManifestTrust {
	/** Proofs are compared with it. */
	passphrase?: string | undefined;
	/**
	 * Refuses what is not encrypted; and with a passphrase what carries no proof, one by another passphrase, or lies in
	 * another folder than it was made for. Without it, such are taken; a proof by this passphrase that is wrong never is.
	 */
	requireEncryption?: boolean | undefined;
}

/** Where a manifest was found. */
export interface ManifestPlace {
	/** For messages: its key. */
	where: string;
	/** Undefined for a manifest that came by itself, and not out of a storage. */
	folder: string | undefined;
}

/** 80 ms each. Of one storage, as many processes of n8n have written; an attacker can make up any number. */
const MAX_DERIVATIONS = 2000;

/** What one run may spend on keys: who holds the storage must not keep it busy for hours by salts that he makes up. */
export class DerivationBudget {
	#left: number;

	constructor(derivations = MAX_DERIVATIONS) {
		this.#left = derivations;
	}

	/** @throws BackupError NOT_AUTHENTIC where it is used up */
	async keyFor(passphrase: string, { salt }: ManifestProof, where: string): Promise<ManifestKey> {
		if (!isKept(passphrase, salt) && --this.#left < 0) {
			throw new BackupError(
				'NOT_AUTHENTIC',
				`Whether the manifest ${where} is genuine was not found out: too many others, each with a salt of its own, came before it.`,
				{
					hint: 'Either very many processes of n8n have written to this storage, or somebody has filled it. Name a folder.',
				},
			);
		}
		return await manifestKey(passphrase, salt);
	}
}

/** The manifest with a proof of it. Of version 2; it must be complete. */
export function withProof(manifest: Manifest, { salt, keyCheck, hmacKey }: ManifestKey): Manifest {
	const { parts, proof: _before, ...head } = manifest;
	const hmacSha256 = hmacOf(manifest, hmacKey).toString('hex');
	return { ...head, proof: { salt, keyCheck, hmacSha256 }, parts };
}

function hmacOf(manifest: Manifest, key: Buffer): Buffer {
	const { pinned: _pinned, proof: _proof, ...covered } = manifest;
	return createHmac('sha256', key).update(canonicalJson(covered)).digest();
}

/**
 * Refuses a manifest that is not to be believed. Never tells passphrase or key.
 * @throws BackupError MANIFEST_INVALID (it was changed since it was made with this passphrase), KEY_WRONG (it was made
 * with another passphrase, or made up), NOT_AUTHENTIC (nothing proves that it is genuine)
 */
export async function assertAuthentic(
	manifest: Manifest,
	{ where, folder }: ManifestPlace,
	{ passphrase, requireEncryption = false }: ManifestTrust,
	budget = new DerivationBudget(),
): Promise<void> {
	if (requireEncryption && !manifest.encryption) throw unencrypted(where);
	if (!passphrase) return;
	const { proof } = manifest;
	if (!proof) {
		if (requireEncryption) throw unproven(where);
		return;
	}
	const key = await budget.keyFor(passphrase, proof, where);
	if (key.keyCheck !== proof.keyCheck) {
		if (requireEncryption) throw ofAnotherKey(where);
		return;
	}
	if (!timingSafeEqual(hmacOf(manifest, key.hmacKey), Buffer.from(proof.hmacSha256, 'hex'))) throw forged(where);
	const { folder: madeFor = '' } = manifest;
	if (requireEncryption && folder !== undefined && !isPlaceOf(madeFor, folder, manifest)) throw moved(where, madeFor);
}

/**
 * Whether a backup proves that it was made with a passphrase; null where it proves nothing either way: it has no proof, or
 * one by another passphrase.
 */
export async function isAuthentic(
	manifest: Manifest,
	place: ManifestPlace,
	passphrase: string,
	budget?: DerivationBudget,
): Promise<boolean | null> {
	try {
		await assertAuthentic(manifest, place, { passphrase, requireEncryption: true }, budget);
		return true;
	} catch (error) {
		if (error instanceof BackupError && error.code === 'MANIFEST_INVALID') return false;
		if (error instanceof BackupError && (error.code === 'KEY_WRONG' || error.code === 'NOT_AUTHENTIC')) return null;
		throw error;
	}
}

/** The folder itself, or that of a weekly copy. */
function isPlaceOf(madeFor: string, folder: string, { kind }: Manifest): boolean {
	if (folder === madeFor) return true;
	const copy = weekOfFolder(folder);
	return copy !== undefined && (copy.place === madeFor || (copy.place === '' && isUsualFolder(madeFor, kind)));
}

const PUT_THERE = 'Do not restore from it, and find out who can write to the storage.';

function forged(where: string): BackupError {
	return new BackupError(
		'MANIFEST_INVALID',
		`The manifest ${where} was changed by somebody who does not have the passphrase: its proof is wrong.`,
		{ hint: `${PUT_THERE} Choose another backup.` },
	);
}

function ofAnotherKey(where: string): BackupError {
	return new BackupError(
		'KEY_WRONG',
		`The manifest ${where} was not made with this passphrase: with another one, or by somebody who has none.`,
		{
			hint: 'Select the encryption credential that it was backed up with; check the passphrase for typing errors.',
		},
	);
}

function unencrypted(where: string): BackupError {
	return new BackupError(
		'NOT_AUTHENTIC',
		`The manifest ${where} is of a backup that is not encrypted, and Require Encryption is on.`,
		{
			hint: 'If it was made without encryption, switch Require Encryption off, or select no encryption credential. If it should be encrypted, somebody has put it there.',
		},
	);
}

function unproven(where: string): BackupError {
	return new BackupError(
		'NOT_AUTHENTIC',
		`Nothing in the manifest ${where} proves that it was made with the passphrase, and Require Encryption is on.`,
		{
			hint: 'Backups made with public keys alone carry no proof, and none did before format version 2 of the manifests: to accept one of them, switch Require Encryption off for this run. If it should have one, somebody has put it there.',
		},
	);
}

function moved(where: string, madeFor: string): BackupError {
	return new BackupError(
		'NOT_AUTHENTIC',
		`The backup of ${where} was made for the folder ${madeFor || '/'} and lies in another one.`,
		{
			hint: 'It was moved there, perhaps to be taken for a backup of something else. Move it back, or switch Require Encryption off for this run.',
		},
	);
}

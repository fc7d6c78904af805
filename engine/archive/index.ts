/**
 * Archives: one file, one manifest.
 *
 * Invariants, each with its test in test/integration/archive/invariants.test.ts:
 *  1. A manifest is stored only after its archive is durable; the `latest` pointer only after the manifest, and only for
 *     a backup that is whole.
 *  2. A write that fails, is cancelled or is killed leaves no manifest; one that fails or is cancelled leaves nothing.
 *  3. No archive and no manifest is ever overwritten: two writers never get the same name.
 *  4. Every frame is one whole zstd frame, gzip member or run of raw bytes; the parts of the manifest cover the
 *     compressed stream in order, without a gap.
 *  5. The SHA-256 and size in the manifest are those of the file as stored. No changed, missing or added byte passes
 *     `verifyStored` or `raw`, none passes `parts` in the parts it hands out, and none at all where it reads all parts of an
 *     encrypted file.
 *  6. `raw` hands out the end of the data only after the hash of the whole file was right; no frame of up to 64 MiB is
 *     handed out before its own hash was.
 *  7. What is between `frame` and the storage is bounded in bytes, whatever the archive's length.
 *  8. Secrets are in neither manifest nor errors.
 *  9. What a writer that was killed has left is removed by the next one of the same kind, name and folder, once it is
 *     certainly dead; nothing of a living writer is, and nothing that no claim names.
 * 10. With the passphrase, no manifest that was made or changed without it is read, found, listed or opened.
 */
export { LONGEST_TIMEOUT, PARALLEL, wholeNumber, type ArchiveChoices, type NumberRange } from './choices';
export { CLAIM_SUFFIX } from './write/claim';
export { createArchive, type CreateArchiveOptions } from './write/create';
export { assertRoomForCopy, checkKeptCopies, KEPT_COPIES, KEPT_SUFFIX } from './kept-copies';
export { beginArchive, makeArchive, type NewArchive } from './write/make';
export type { CommitDetails } from './write/publish';
export type { ArchiveWriter } from './write/writer';
export type { PartDetails } from './write/output';
export { openArchive } from './read/open';
export type { ArchiveReader, ReadPartResult } from './read/reader';
export type { BackupEntry, DamagedManifest, KnownBackup, ListedBackup, ManifestSummary } from './catalog/entry';
export { findBackup, type BackupReference } from './catalog/find';
export { listManifests, type ManifestFilter, type ManifestList } from './catalog/list';
export type { ArchiveListing, ListedArchive } from './catalog/listing';
export { scanBackups, type Scan, type ScanOptions } from './catalog/scan';
export type { CodecName, CodecOptions } from './codec';
export { checkKeys } from './encryption/check-keys';
export { prepareEncryption, type DecryptionKeys, type EncryptionKeys } from './encryption/encryption';
export { encryptionForm } from './encryption/form';
export { decryptMessage } from './encryption/message';
export {
	folderOf,
	HOUSEKEEPING,
	isFileOf,
	keyIn,
	latestKey,
	manifestKeyOf,
	safeName,
	timestamp,
	usualFolder,
	VERIFICATION_SUFFIX,
} from './naming';
export { completeSources, homeOf, isOfCluster, partOf, seriesIn, seriesOf, sourceOf, type SeriesFacts } from './series';
export {
	BACKUP_KINDS,
	MANIFEST_SUFFIX,
	type BackupKind,
	type Manifest,
	type ManifestPart,
	type ManifestTable,
	type PartialBackup,
} from './manifest/manifest';
export { mayBeOfKind, NewerManifest } from './manifest/newer';
export { assertNeededThere, assertSelfContained, neededBy, type NeededArchive } from './manifest/needs';
export { assertTablesFit } from './manifest/room';
export { formatManifest, manifestDocument, parseManifest } from './manifest/text';
export { DerivationBudget, isAuthentic, type ManifestTrust } from './manifest/authenticity';
export { readManifest } from './manifest/file';
export { frameBytes, type FrameSizes } from './write/frame-size';
export { writeFrames } from './write/stream-frames';
export { LIMITS, readSmallObject, TooLarge } from './small-object';
export { parseJson, readSmall } from './small-text';
export { acquireLock, withLock, type LockOptions, type StorageLock } from './lock/lock';
export { acquireLockInTime, type LockWait } from './lock/wait';
export { asBackUp, asRun, ownerOf, USUAL_WAIT_MS, type BackUpOf, type RunControl } from './run/run';
export { Meter, whileBeating } from './run/heartbeat';
export { proveArchive, RestoreCheck, type ArchiveProof } from './restore-check';
export { IF_RUNNING, type IfRunning } from './run/one-at-a-time';
export { clearDeadRuns, readRunning, type RunAction, type RunningRun, type RunRecord } from './run/running';
export type { LockStorage } from './lock/records';
export { decompress } from './unpack/decompress';
export { HEAD_BYTES, wrapperOf, unpack, type Wrapper, type UnpackedFile, type UnpackOptions } from './unpack/unpack';

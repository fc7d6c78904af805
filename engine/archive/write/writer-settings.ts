import type { Storage } from '../../storage/storage';
import type { Claim } from './claim';
import type { CodecOptions } from '../codec';
import type { Encryptor } from '../encryption/encryption';
import type { BackupKind, Manifest } from '../manifest/manifest';

/** What a writer is given: a name that nobody else holds, and what is known of the archive before its first byte. */
export interface WriterSettings {
	/** The id of the backup that the archive will be. */
	id: string;
	storage: Storage;
	folder: string;
	file: string;
	name: string;
	kind: BackupKind;
	startedAt: Date;
	codec: CodecOptions;
	encryptor: Encryptor | undefined;
	/** Adds the proof that it was made with the passphrase, where there is one. */
	prove: (manifest: Manifest) => Promise<Manifest>;
	signal: AbortSignal | undefined;
	expectedSize: number | undefined;
	estimatedSize: number | undefined;
	/** Called before the manifest is stored. */
	beforeCommit: (() => Promise<void>) | undefined;
	/** Undefined where the name could not be claimed, or need not be. */
	claim: Claim | undefined;
	/** Called once, when the writer has committed or has cleaned up after itself. */
	onClosed: () => Promise<void>;
}

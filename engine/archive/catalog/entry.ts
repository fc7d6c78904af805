import type { BackupError } from '../../errors';
import type { Manifest } from '../manifest/manifest';

/** A manifest without what grows with the archive: what lists, choices and retention look at. */
export type ManifestSummary = Omit<Manifest, 'parts' | 'tables' | 'originalManifest'>;

/** A backup and where it lies. */
export interface KnownBackup {
	manifest: ManifestSummary;
	manifestKey: string;
	/** Folder of the manifest and the archive: `postgres`. */
	folder: string;
	/** Key of the archive. */
	key: string;
	/** Bytes that the storage lists for the archive; undefined where the archive is gone. */
	foundSize: number | undefined;
	/** What whoever asked for the latest has to know: that newer ones were passed over, or that this one is partial. */
	remark?: string;
}

/** A backup as the catalogue knows it. Whoever restores, verifies or deletes it reads its manifest again. */
export interface ListedBackup extends KnownBackup {
	/** Whether a record of verifications stands beside it; without one there is nothing to read. */
	hasRecord: boolean;
}

/** A backup whose manifest was just read. */
export interface BackupEntry extends KnownBackup {
	manifest: Manifest;
}

export interface DamagedManifest {
	manifestKey: string;
	modifiedAt: Date;
	error: BackupError;
}

/** What the catalogue keeps of a manifest. */
export function summaryOf({
	parts: _parts,
	tables: _tables,
	originalManifest: _original,
	...summary
}: Manifest): ManifestSummary {
	return summary;
}

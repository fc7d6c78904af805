import type { ArchiveChoices, DecryptionKeys, NumberRange } from '../../../archive';
import type { PostgresConnection } from '../../connection';
import type { BaseBackupChoices } from './command';
import type { IncrementalChoices } from './previous';

/** kB a second that a server can be told to send at most (its MAX_RATE). */
export const BASE_BACKUP_RATE: NumberRange = { min: 32, max: 1_048_576 };

export interface BackUpClusterOptions extends ArchiveChoices {
	/** The database in it does not matter. */
	connection: PostgresConnection;
	/** What the backup is called; by default the server's cluster_name, where it has one, else its host. */
	name?: string | undefined;
	/** By default `fast`. */
	checkpoint?: BaseBackupChoices['checkpoint'] | undefined;
	/** kB a second, see BASE_BACKUP_RATE; no limit by default. */
	maxRate?: number | undefined;
	/** A replication slot that is to keep WAL from before the backup on; it is made where it does not exist. */
	slot?: string | undefined;
	/** Undefined for a full backup. */
	incremental?: IncrementalChoices | undefined;
	/** Opens the backup before, for an incremental one. */
	keys?: DecryptionKeys | undefined;
	/** Whether a page whose checksum is wrong fails the backup; by default it is told in a warning. */
	failOnDamage?: boolean | undefined;
	log?: ((line: string) => void) | undefined;
}

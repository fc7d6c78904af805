import type { ArchiveChoices } from '../../archive';
import type { PostgresConnection } from '../connection';

import type { DumpSelection } from './arguments';

/** What a backup of one database is asked for. */
export interface BackUpDatabaseOptions extends ArchiveChoices {
	connection: PostgresConnection;
	selection?: DumpSelection;
	/** The name of the backup; by default that of the database. */
	name?: string;
	/** Connections that read rows at once, 1 to 32; 2 by default. */
	parallel?: number;
	/** Whether to wait for a moment at which a serializable reader would see a consistent state. */
	serializableDeferrable?: boolean;
	log?: (message: string) => void;
}

import type { ManifestSummary } from '../../archive';
import type { RestoreHindrance } from '../../verify/system';
import type { PostgresConnection } from '../connection';
import type { PhysicalScratch } from '../physical/verify/testRecovery';
import { availableMemory } from './inProcess/memory';
import { fitsInMemory } from './inProcess/memoryNeeded';

/** PostgreSQL in memory, in a process that this one starts and ends. */
export interface InProcessTarget {
	type: 'inProcess';
	/** Raw bytes of the largest archive that may be restored. */
	maxRawBytes: number;
	/** Answers how many bytes of memory may still be taken. By default the system is asked. */
	available?: () => number | undefined;
	/** Milliseconds without a sign of an answer after which the server is given up; by default a quarter of an hour. */
	idleTimeout?: number;
}

/** A server on which a database is created for the test and dropped after it. */
export interface ServerTarget {
	type: 'server';
	connection: PostgresConnection;
}

/** Where databases are restored for a test. Roles are always restored in memory. */
export type PostgresScratch = (InProcessTarget | ServerTarget) & {
	/** Statements that must give one true value in the restored database: `SELECT count(*) > 0 FROM users`. */
	assertions?: readonly string[];
	/** Where base backups are restored; they are not where it is undefined. */
	physical?: PhysicalScratch | undefined;
};

/** What keeps a database from being restored for a test. */
export function hindrance({ size }: ManifestSummary, scratch: PostgresScratch): RestoreHindrance | undefined {
	if (scratch.type === 'server') return undefined;
	const { maxRawBytes, available = availableMemory } = scratch;
	if (size.raw > maxRawBytes) return 'tooLarge';
	return fitsInMemory(size.raw, available()) ? undefined : 'noMemory';
}

/** The same for the roles of a server, which are restored in memory wherever databases are. */
export function hindranceOfGlobals({ size }: ManifestSummary, scratch: PostgresScratch): RestoreHindrance | undefined {
	const { available = availableMemory } = scratch.type === 'inProcess' ? scratch : {};
	return fitsInMemory(size.raw, available()) ? undefined : 'noMemory';
}

/** The same for base backups, which a server of their version has to be started from. */
export function hindranceOfBase(_: ManifestSummary, { physical }: PostgresScratch): RestoreHindrance | undefined {
	return physical ? undefined : 'noProgram';
}

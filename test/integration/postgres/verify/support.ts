import { openArchive } from '../../../../engine/archive';
import type { PostgresConnection, PostgresScratch } from '../../../../engine/postgres';
import { testRestore } from '../../../../engine/postgres/verify/testRestore';
import type { CheckContext, Finding } from '../../../../engine/verify/types';
import type { Backup } from '../engine/support';

export const IN_MEMORY = { type: 'inProcess', maxRawBytes: 100_000_000 } as const satisfies PostgresScratch;

export function onServer(connection: PostgresConnection): PostgresScratch {
	return { type: 'server', connection };
}

export interface TestedRestore {
	counts: Record<string, number>;
	/** `error public.t: message`, worst first as they came. */
	findings: string[];
	found: Array<Omit<Finding, 'level'>>;
	log: string[];
	restoreDuration: number | undefined;
}

/** A context that keeps what is found. */
export function keepingContext(signal?: AbortSignal) {
	const found: Array<Omit<Finding, 'level'>> = [];
	const log: string[] = [];
	const took: { restore?: number } = {};
	const context: CheckContext = {
		found: (finding) => found.push(finding),
		log: (line) => log.push(line),
		restoreTook: (milliseconds) => (took.restore = milliseconds),
		...(signal && { signal }),
	};
	return { context, found, log, took };
}

export function sentences(found: Array<Omit<Finding, 'level'>>): string[] {
	return found.map(({ severity, part, message }) => `${severity}${part === undefined ? '' : ` ${part}`}: ${message}`);
}

/** Test-restores a backup, or another one that lies in the same storage. */
export async function tested(
	backup: Pick<Backup, 'storage' | 'manifest'> & { key?: string },
	scratch: PostgresScratch,
	signal?: AbortSignal,
): Promise<TestedRestore> {
	const { context, found, log, took } = keepingContext(signal);
	const where =
		backup.key === undefined ? { manifest: backup.manifest, folder: 'postgres' } : `${backup.key}.manifest.json`;
	const counts = await testRestore(await openArchive(backup.storage, where), scratch, context);
	return { counts, findings: sentences(found), found, log, restoreDuration: took.restore };
}

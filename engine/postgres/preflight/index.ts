/** What would make a back up or a restore of PostgreSQL fail. Only reads. */
import { type SetupFinding, finder, findingsOf } from '../../preflight';
import { type PostgresConnection, withClient } from '../connection';
import { checkVersionOf } from '../serverVersion';

import { contentFindings } from './content';
import { type ServerView, viewServer } from './facts';
import { ownershipFindings, readingFindings } from './privileges';
import { serverFindings } from './server';
import { ask } from './queries';

export interface CheckPostgresOptions {
	/** Whose database is the first to be looked at. */
	connection: PostgresConnection;
	/** Databases to look at. */
	databases: readonly string[];
	/** Whether roles and globals are to be backed up as well. */
	globals?: boolean;
	/** Connections that a back up is to read by. */
	parallel?: number;
	signal?: AbortSignal;
}

/** What was found, and the bytes of all databases that could be looked at. */
export interface PostgresPreflight {
	findings: SetupFinding[];
	bytes: number;
}

/** @throws BackupError CANCELLED; what else fails is a finding */
export async function checkPostgres(options: CheckPostgresOptions): Promise<PostgresPreflight> {
	const { connection, databases, globals = false, parallel = 2, signal } = options;
	const findings: SetupFinding[] = [];
	let bytes = 0;
	for (const [index, database] of databases.entries()) {
		const reach = finder('Connection', database, 'backup');
		const found = await findingsOf(reach, () =>
			withClient({ ...connection, database }, 'source', { ...(signal && { signal }) }, async (client) => {
				// Nothing in a database may stand for what is asked here by a name alone.
				await ask(client, 'anything', "SELECT pg_catalog.set_config('search_path', '', false)");
				const version = finder('Version', database, 'backup');
				const versions = await findingsOf(version, async () => {
					await checkVersionOf(client, 'source');
					return [];
				});
				const view = await viewServer(client);
				bytes += view.size;
				const server = { globals, parallel, ...(signal && { signal }) };
				return [
					reach.ok(`PostgreSQL ${versionOf(view)} lets ${view.user} in.`),
					...versions,
					...(index === 0 ? await serverFindings(client, { ...connection, database }, view, server) : []),
					...(await readingFindings(client, view)),
					...(await ownershipFindings(client, view)),
					...(await contentFindings(client, view)),
				];
			}),
		);
		findings.push(...found);
	}
	return { findings, bytes };
}

function versionOf({ version }: ServerView): string {
	return `${Math.floor(version / 10_000)}.${version % 10_000}`;
}

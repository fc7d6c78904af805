import type { IExecuteFunctions } from 'n8n-workflow';

import {
	BackupError,
	listCollections,
	listDatabases,
	listSourceBuckets,
	type PostgresConnection,
	readServerLog,
	type ServerContent,
	type Storage,
} from '../../engine';
import { withPostgres } from '../shared/postgresConnection';
import { qdrantConnection } from '../shared/qdrantConnection';
import { s3Connection } from '../shared/s3Connection';

/** Longer nobody waits for a list of names. */
const TIMEOUT_S = 20;

/** The choice of Compare With that asks no server. */
export const EXPECTED_NAMES = 'names';

/** What kinds of servers there are, and how each tells what is on it. */
const SERVERS: Record<string, Omit<ServerContent, 'names' | 'log' | 'failure'> & { list: Lister }> = {
	postgres: {
		kind: 'postgres',
		title: 'PostgreSQL',
		list: (context, item) => withPostgres(context, item, { connectTimeout: TIMEOUT_S * 1000 }, databasesAndLog),
	},
	qdrant: {
		kind: 'qdrant',
		wholeKind: 'qdrant-storage',
		title: 'Qdrant',
		list: async (context, item) => {
			const timeouts = { connectTimeout: TIMEOUT_S, idleTimeout: TIMEOUT_S, operationTimeout: TIMEOUT_S };
			const connection = await qdrantConnection(context, item, timeouts);
			return { names: await listCollections(connection, context.getExecutionCancelSignal()) };
		},
	},
	s3: {
		kind: 'minio',
		title: 'S3',
		list: async (context, item, storage) => {
			// As in the editor: an outage is told soon, and not waited for.
			const connection = await s3Connection(context, item, {}, true);
			return { names: await listSourceBuckets(connection, storage, context.getExecutionCancelSignal()) };
		},
	},
};

type Told = Pick<ServerContent, 'names' | 'log'>;
type Lister = (context: IExecuteFunctions, item: number, storage: Storage) => Promise<Told>;

async function databasesAndLog(connection: PostgresConnection): Promise<Told> {
	return { names: await listDatabases(connection), log: await readServerLog(connection) };
}

/** Asks the servers of Compare With what is on them. One that fails is told as such. @throws BackupError INVALID_INPUT, CANCELLED */
export async function serverContents(
	context: IExecuteFunctions,
	item: number,
	storage: Storage,
): Promise<ServerContent[]> {
	const chosen: unknown = context.getNodeParameter('compareWith', item, [EXPECTED_NAMES]);
	const given = (Array.isArray(chosen) ? (chosen as unknown[]) : [chosen]).filter((name) => name !== EXPECTED_NAMES);
	const wrong = given.find((name) => typeof name !== 'string' || !Object.hasOwn(SERVERS, name));
	if (wrong !== undefined) {
		throw new BackupError('INVALID_INPUT', `Compare With is ${(JSON.stringify(wrong) ?? '').slice(0, 40)}.`, {
			hint: `Choose among ${EXPECTED_NAMES}, ${Object.keys(SERVERS).join(', ')}.`,
		});
	}
	return await Promise.all(
		[...new Set(given as string[])].map(async (name) => {
			const { list, ...server } = SERVERS[name]!;
			return await list(context, item, storage).then(
				(told) => ({ ...server, ...told }),
				(error: unknown) => ({ ...server, names: undefined, failure: failureOf(error) }),
			);
		}),
	);
}

/** Why a server did not tell. @throws what says nothing of the server */
function failureOf(error: unknown): string {
	if (!(error instanceof BackupError) || error.code === 'CANCELLED') throw error;
	return error.message;
}

import type { Client } from 'pg';

import { BackupError, throwIfCancelled } from '../../../errors';
import type { CheckContext } from '../../../verify/types';
import { type PostgresConnection, withClient } from '../../connection';
import { quoteIdentifier, quoteLiteral } from '../../quoting';
import { load, type RestoreSource, shortTables, type SourceFacts } from '../../restore';
import { extensionModules } from './extensions';
import { type InProcessOptions, InProcessServer } from './pglite';
import { InProcessStream } from './stream';

const DATABASE = 'postgres';

/** The connection by which `pg` reaches a server in memory. Host and port are only for messages. */
export function connectionTo(server: InProcessServer, greetings: readonly string[] = []): PostgresConnection {
	const openStream = () => new InProcessStream(server, greetings);
	return { host: 'memory', port: 5432, database: DATABASE, user: 'postgres', openStream };
}

/** What is restored, and the limits of the server. */
export interface InProcessRestore extends Pick<InProcessOptions, 'rawBytes' | 'available' | 'idleTimeout'> {
	source: RestoreSource;
}

/**
 * Restores a source into a server in memory and lets `use` look at it. After that the server ends,
 * whatever happened, and everything that was restored is gone.
 * @throws BackupError TARGET_FAILED (the dump is refused; an extension is missing; it cannot run here, or would not fit into
 * memory), TARGET_UNREACHABLE (the server ended in the middle: too little memory), CANCELLED, those of the source
 */
export async function restoreInProcess<T>(
	{ source, ...memory }: InProcessRestore,
	context: CheckContext,
	use: (connection: PostgresConnection, facts: SourceFacts) => Promise<T>,
): Promise<T> {
	const { log, signal, restoreTook } = context;
	const begun = performance.now();
	const facts = await source.inspect({ check: 'whileLoading', signal });
	const { modules, missing } = extensionModules(facts.extensions);
	if (missing.length > 0) throw lacking(missing);
	log('starting PostgreSQL in memory');
	const server = await InProcessServer.start({ extensions: modules, ...memory, ...(signal && { signal }) });
	const stop = () => void server.stop();
	signal?.addEventListener('abort', stop, { once: true });
	try {
		const connection = connectionTo(server, settingsOf(facts));
		await withClient(connection, 'target', { ...(signal && { signal }) }, (client) => makeRoles(client, facts));
		log('loading into it');
		const loaded = await load(
			{
				connection,
				source,
				target: { type: 'newDatabase', database: DATABASE },
				parallel: 1,
				...(signal && { signal }),
			},
			DATABASE,
			facts,
			makeRoles,
		);
		restoreTook?.(Math.round(performance.now() - begun));
		for (const warning of loaded.warnings) context.found({ severity: 'warning', message: warning });
		const short = shortTables(loaded.tables);
		if (short.length > 0) throw lost(short);
		return await use(connection, facts);
	} catch (error) {
		throwIfCancelled(signal);
		throw server.failure ? broken(error, server.failure) : error;
	} finally {
		signal?.removeEventListener('abort', stop);
		await server.stop();
	}
}

async function makeRoles(client: Client, facts: SourceFacts): Promise<void> {
	for (const role of facts.roles({}, ['owner', 'session', 'privilege', 'named'])) await client.query(makeRole(role));
}

/**
 * A statement that creates a role where it is missing. The role may do everything: the rights of roles are in the backup of the
 * server's globals, and the test of a database must not fail because a right is missing.
 */
function makeRole(name: string): string {
	const create = `CREATE ROLE ${quoteIdentifier(name)} SUPERUSER`;
	// Names that begin with pg_ are reserved for the server.
	return `DO ${quoteLiteral(`BEGIN ${create}; EXCEPTION WHEN duplicate_object OR reserved_name THEN NULL; END`)}`;
}

/** The settings of the database as statements. There is a single session, which began before they were restored. */
function settingsOf({ properties }: SourceFacts): string[] {
	const settings = properties?.settings.filter(({ role }) => role === undefined) ?? [];
	return settings.map(
		({ name, value }) => `SELECT pg_catalog.set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, false)`,
	);
}

function lacking(extensions: string[]): BackupError {
	const several = extensions.length > 1;
	return new BackupError(
		'TARGET_FAILED',
		`The dump creates the extension${several ? 's' : ''} ${extensions.join(', ')}, which PostgreSQL in memory does not have.`,
		{ hint: `Give a scratch server that has ${several ? 'them' : 'it'}.` },
	);
}

/** Says why the server has ended: what it was asked next may only know that it is gone. */
function broken(error: unknown, failure: Error): BackupError {
	const isSilent = (failure as { code?: string }).code === 'ETIMEDOUT';
	return new BackupError('TARGET_UNREACHABLE', `PostgreSQL in memory gave up: ${failure.message}`, {
		cause: error,
		hint: isSilent
			? 'Something in the dump takes for ever here: a function that an index, a constraint or a view calls. Give a scratch database on a server.'
			: 'Most likely memory ran out. Give a scratch database on a server.',
	});
}

function lost(short: string[]): BackupError {
	return new BackupError(
		'TARGET_FAILED',
		`The restored database does not hold what the backup promised: ${short.slice(0, 5).join(', ')}.`,
		{ details: { shortTables: short } },
	);
}

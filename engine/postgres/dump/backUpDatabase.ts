import type { ArchiveWriter, Manifest } from '../../archive';
import { asBackUp, assertTablesFit, beginArchive, PARALLEL, wholeNumber } from '../../archive';
import { cancelled } from '../../errors';
import { translateError } from '../connection';
import { PG_DUMP_MAJOR, type PgDumpResult } from '../pgdump/bridge';
import { terminateSessions } from '../sessions';
import { tableKey } from '../statements/tokens';

import { adaptScript } from './compatibility';
import { dumpArguments } from './arguments';
import type { BackUpDatabaseOptions } from './options';
import { partialBackup } from './partial';
import { type Copying, copyTables } from './copyTables';
import { type CatalogEntry, checkAllCopied, type CopyTask, lookUpTables, planCopies } from './plan';
import { FrameBuffers } from './frameBuffers';
import { tablesInScript } from './scriptRows';
import { cutScript, type Section } from './sections';
import { SETTINGS_PART, settingsFrame } from './settingsFrame';
import type { ServerFacts, SnapshotSession } from './snapshotSession';
import { start, type Start } from './start';
import { storeLargeObjects } from './largeObjects';

/** What one dump shares between its steps. */
interface Dump extends Copying {
	options: BackUpDatabaseOptions;
	facts: ServerFacts;
	/** pg_dump's, as the choices of the user have them. */
	args: string[];
	/** Called once nothing more is asked of the server, which has locks and a snapshot for us until then. */
	endSessions: () => void;
}

/** A section whose reading has been planned. */
type PlannedSection = Exclude<Section, { type: 'rows' }> | { type: 'rows'; tasks: CopyTask[] };

/**
 * Cuts the script and plans the reading of all rows. Asks on pg_dump's own connection, which holds the locks: to look at a table's
 * size takes a lock, and any other connection would have to queue for it behind a session that waits for pg_dump's to go away. The
 * server answers while the script is being cut.
 */
async function planSections(dump: Dump, result: PgDumpResult): Promise<PlannedSection[]> {
	const { facts, ordered, tables } = dump;
	const { reads } = result;
	const session = dump.sessions[0] as SnapshotSession;
	const asked = session.withClient((client) => lookUpTables(client, facts.version, reads));
	asked.catch(() => {});
	const sections = cutScript({ ...result, script: adaptScript(result.script, facts.version) });
	const answer = await asked;
	const entries = new Map(reads.map((read, index) => [read, answer[index] as CatalogEntry]));
	return sections.map((section) =>
		section.type === 'rows'
			? { type: 'rows', tasks: planCopies(facts.version, section.tables, entries, tables, ordered) }
			: section,
	);
}

async function storeSections(dump: Dump, sections: PlannedSection[]): Promise<void> {
	let type = 'pre-data';
	for (const section of sections) {
		if (section.type === 'script') await dump.writer.frame({ type }, Buffer.from(section.text));
		else if (section.type === 'rows') await copyTables(dump, section.tasks);
		else await storeLargeObjects(dump.sessions[0] as SnapshotSession, section.ids, dump.writer, dump.buffers);
		if (section.type !== 'script') type = 'post-data';
		await dump.writer.drain();
	}
}

/** Everything between pg_dump's script and commit of the archive. */
async function dumpInto(
	dump: Dump,
	{ system, settings, properties, session, sequences, result }: Start,
): Promise<Manifest> {
	const { facts, options, tables, writer } = dump;
	options.log?.(`pg_dump wrote the definitions; reading ${result.reads.length} tables`);
	const sections = await planSections(dump, result);
	tables.push(...tablesInScript(sections));
	for (const table of tables) Object.assign(table, sequences.get(tableKey(table.schema, table.name)));
	const tasks = sections.flatMap((section) => (section.type === 'rows' ? section.tasks : []));
	assertTablesFit(tables, tasks.length);
	if (settings.length > 0) await writer.frame({ type: SETTINGS_PART }, settingsFrame(settings));
	await writer.drain();
	await storeSections(dump, sections);
	checkAllCopied(tasks, tables);
	dump.endSessions();
	return await writer.commit({
		source: {
			system: 'postgresql',
			version: facts.versionText,
			versionNumber: facts.version,
			host: options.connection.host,
			port: options.connection.port,
			systemIdentifier: system,
			database: options.connection.database,
			properties,
			session,
		},
		tool: { pg_dump: String(PG_DUMP_MAJOR) },
		tables,
		counts: {
			tables: tables.length,
			rows: tables.reduce((sum, { rows }) => sum + rows, 0),
			largeObjects: result.largeObjects.length,
		},
		partial: partialBackup(options.selection?.content, dump.args),
		options: { ...options.selection, ordered: dump.ordered },
		warnings: result.warnings,
		runId: options.runId,
		tags: options.tags,
	});
}

/**
 * Dumps one database into the storage: pg_dump's script with the rows as COPY frames, and a manifest.
 * A cancelled or failed backup ends its queries on the server and leaves nothing in the storage.
 * @throws BackupError SOURCE_UNREACHABLE, ACCESS_DENIED, UNSUPPORTED_VERSION, SOURCE_FAILED, INVALID_INPUT, those of the
 * storage, CANCELLED.
 */
export async function backUpDatabase(options: BackUpDatabaseOptions): Promise<Manifest> {
	const { connection, name = connection.database, selection = {} } = options;
	const origin = `${connection.host}:${connection.port}`;
	const partial = partialBackup(selection.content, dumpArguments(selection));
	return await asBackUp(options, { kind: 'postgres', name, origin, isWhole: true, partial }, dumpDatabase);
}

async function dumpDatabase(options: BackUpDatabaseOptions): Promise<Manifest> {
	const { connection, selection = {}, signal } = options;
	const { parallel = 2 } = options;
	wholeNumber(parallel, 'Parallel Connections', PARALLEL);
	const args = dumpArguments(selection);
	const buffers = new FrameBuffers(parallel);
	const sessions: SnapshotSession[] = [];
	const ending: Promise<void>[] = [];
	// While the archive is committed, too. A session that is being ended is nobody's to terminate: its number may be another's soon.
	const endSessions = () => void ending.push(...sessions.splice(0).map((session) => session.close()));
	let writer: ArchiveWriter | undefined;
	const hangUp = () => {
		void terminateSessions(
			connection,
			sessions.map(({ processId }) => processId),
		);
		for (const { client } of sessions) client.connection.stream.destroy(cancelled());
	};
	signal?.addEventListener('abort', hangUp, { once: true });
	try {
		const started = await start(options, { args, parallel, sessions }, async (estimated) => {
			writer ??= await beginArchive(options, {
				name: options.name ?? connection.database,
				extension: 'sql',
				kind: 'postgres',
				...(estimated !== undefined && { estimatedSize: estimated }),
			});
		});
		const dump: Dump = {
			options,
			facts: started.facts,
			sessions,
			writer: writer as ArchiveWriter,
			tables: [],
			args,
			parallel,
			ordered: selection.content === 'data',
			buffers,
			endSessions,
		};
		return await dumpInto(dump, started);
	} catch (error) {
		await writer?.abort(error);
		if (signal?.aborted) throw cancelled();
		throw translateError(error, 'source', `Could not back up database "${connection.database}"`);
	} finally {
		signal?.removeEventListener('abort', hangUp);
		endSessions();
		await Promise.all(ending);
		buffers.close();
	}
}

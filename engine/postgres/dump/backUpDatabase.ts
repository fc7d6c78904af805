import type { ArchiveWriter, Manifest } from '../../archive';
import { assertTablesFit, beginArchive, PARALLEL, wholeNumber } from '../../archive';
import { cancelled } from '../../errors';
import { translateError } from '../connection';
import { PG_DUMP_MAJOR } from '../pgdump/bridge';
import { terminateSessions } from '../sessions';
import { tableKey } from '../statements/tokens';

import { adaptScript } from './compatibility';
import { dumpArguments } from './arguments';
import type { BackUpDatabaseOptions } from './options';
import { partialBackup } from './partial';
import { type Copying, copyTables } from './copyTables';
import { checkAllCopied, type CopyTask, planCopies } from './plan';
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
}

/** A section whose reading has been planned. */
type PlannedSection = Exclude<Section, { type: 'rows' }> | { type: 'rows'; tasks: CopyTask[] };

/**
 * Plans all at once. Asks on pg_dump's own connection, which holds the locks: to look at a table's size takes a lock,
 * and any other connection would have to queue for it behind a session that waits for pg_dump's to go away.
 */
async function planSections(dump: Dump, sections: Section[]): Promise<PlannedSection[]> {
	return await (dump.sessions[0] as SnapshotSession).withClient(async (client) => {
		const planned: PlannedSection[] = [];
		for (const section of sections) {
			if (section.type !== 'rows') planned.push(section);
			else
				planned.push({
					type: 'rows',
					tasks: await planCopies(client, dump.facts.version, section.tables, dump.tables, dump.ordered),
				});
		}
		return planned;
	});
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
	const sections = await planSections(
		dump,
		cutScript({ ...result, script: adaptScript(result.script, facts.version) }),
	);
	tables.push(...tablesInScript(sections));
	for (const table of tables) Object.assign(table, sequences.get(tableKey(table.schema, table.name)));
	const tasks = sections.flatMap((section) => (section.type === 'rows' ? section.tasks : []));
	assertTablesFit(tables, tasks.length);
	if (settings.length > 0) await writer.frame({ type: SETTINGS_PART }, settingsFrame(settings));
	await writer.drain();
	await storeSections(dump, sections);
	checkAllCopied(tasks, tables);
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
	const { connection, selection = {}, signal } = options;
	const { parallel = 2 } = options;
	wholeNumber(parallel, 'Parallel Connections', PARALLEL);
	const args = dumpArguments(selection);
	const sessions: SnapshotSession[] = [];
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
			buffers: new FrameBuffers(parallel),
		};
		return await dumpInto(dump, started);
	} catch (error) {
		await writer?.abort(error);
		if (signal?.aborted) throw cancelled();
		throw translateError(error, 'source', `Could not back up database "${connection.database}"`);
	} finally {
		signal?.removeEventListener('abort', hangUp);
		await Promise.all(sessions.map((session) => session.close()));
	}
}

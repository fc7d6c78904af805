/**
 * Dumps that other programs made (pg_dump, pg_dumpall): how they are recognised, checked by their content and restored for a
 * test. A check reads a dump once, front to back, and keeps nothing of it but counts. A test restore reads it again: once
 * to find what it restores, and once or twice as it restores, see engine/postgres/import.
 */
import { BackupError } from '../../errors';
import type { CheckedFile, Counts, FileFormat, ForeignFile, TarFormat } from '../../verify/system';
import type { CheckContext } from '../../verify/types';
import { describeEntry, detectFormat, openArchive, planRestore, type Toc } from '../foreign';
import { openForeignDatabases } from '../import';
import { ScriptEnds } from '../import/scriptEnds';
import { lexScript, splitStatements } from '../script';
import { countNewlines } from '../script/newlines';
import { isTextFormat } from '../statements/dataCopy';
import { forbiddenCopy, forbiddenStatement } from '../statements/forbidden';
import { StatementReader } from '../statements/reader';
import type { PostgresScratch } from './scratch';
import { testRestoreOf } from './testRestore';

/** The forms of dumps that can be read. */
export const dumpFiles: readonly FileFormat<PostgresScratch>[] = [
	{
		form: 'dump in custom format',
		recognise: (head) => head.toString('latin1', 0, 5) === 'PGDMP' && detectFormat(head) === 'custom',
		check: async (content, context) => restorable(await checkCustomArchive(content, context)),
	},
	{
		form: 'plain SQL dump',
		recognise: (head) => detectFormat(head) === 'plain',
		check: async (content, context) => restorable(await checkScript(content, context)),
	},
];

/** A dump of pg_dump --format=tar, which begins with its table of contents. It is checked as a tar and not restored. */
export const tarDump: TarFormat = {
	form: 'dump in tar format',
	inspect: () => {
		let first: string | undefined;
		return {
			member: (name) => void (first ??= name),
			finish: () => Promise.resolve(first === 'toc.dat' ? { counts: {} } : undefined),
		};
	},
};

function restorable({ counts, version, unpackedBytes = 0 }: CheckedDump): CheckedFile<PostgresScratch> {
	return {
		counts,
		testRestore: async (file, scratch, context) =>
			await testRestoreFile(file, { version, unpackedBytes }, scratch, context),
	};
}

/**
 * Restores one database of a dump after the other. What is counted and how long it took are sums.
 * @throws BackupError as openForeignDatabases and testRestoreOf do
 */
async function testRestoreFile(
	{ name, rawBytes, open }: ForeignFile,
	{ version, unpackedBytes }: { version: number | undefined; unpackedBytes: number },
	scratch: PostgresScratch,
	context: CheckContext,
): Promise<Counts> {
	const { signal } = context;
	const sources = await openForeignDatabases({ name, open: async (later = signal) => await open(later) }, signal);
	if (sources.length === 0) {
		context.found({
			severity: 'inconclusive',
			message: 'The dump holds no database with anything in it, so there is nothing to restore for a test.',
			hint: 'Verify the content: roles and other globals are read by that.',
		});
	}
	const dump = { rawBytes: Math.max(rawBytes, unpackedBytes), session: {}, ...(version !== undefined && { version }) };
	const counts: Counts = {};
	let took = 0;
	const restoreTook = (milliseconds: number) => context.restoreTook?.((took += milliseconds));
	for (const source of sources) {
		const found = await testRestoreOf({ ...dump, source }, scratch, { ...context, restoreTook });
		for (const [what, count] of Object.entries(found)) counts[what] = (counts[what] ?? 0) + count;
	}
	return sources.length > 1 ? { databases: sources.length, ...counts } : counts;
}

/** What the check of a dump has found out. */
interface CheckedDump {
	counts: Counts;
	/** The major version of the dumped server, as in `server_version_num`: 180000; undefined where the dump does not say. */
	version: number | undefined;
	/** Bytes of rows and large objects, decompressed, for a dump that is compressed inside. */
	unpackedBytes?: number;
}

const SOURCE_VERSION = /^Dumped from database version (.*)/;

/**
 * Checks a plain SQL script: it can be lexed to its end, every COPY is closed, and the closing lines of pg_dump or pg_dumpall are
 * there.
 * @throws BackupError as lexScript does; what the source throws
 */
export async function checkScript(
	source: AsyncIterable<Uint8Array>,
	{ signal, found }: CheckContext,
): Promise<CheckedDump> {
	const ends = new ScriptEnds();
	const reader = new StatementReader();
	const counts = { statements: 0, rows: 0 };
	let version: number | undefined;
	const onComment = (text: string) => {
		ends.note(text);
		version ??= majorVersion(SOURCE_VERSION.exec(text.trim())?.[1]);
	};
	for await (const item of lexScript(source, { onComment, ...(signal && { signal }) })) {
		counts.statements++;
		if (item.type === 'statement') {
			findForbidden(forbiddenStatement(item.text, reader.standardStrings), found);
			counts.rows += rowsOf(item.text, reader);
		}
		if (item.type !== 'copy') continue;
		findForbidden(forbiddenCopy(item.statement), found);
		for await (const rows of item.rows) void rows;
		if (isTextFormat(item.statement)) counts.rows += item.counts().lines;
	}
	if (!ends.complete || ends.headless) {
		throw new BackupError('ARCHIVE_INCOMPLETE', 'The dump lacks pg_dump’s first or closing line.', {
			hint: 'It was cut off while it was made or copied. Fetch it again, or choose another dump.',
		});
	}
	if (counts.statements === 0) {
		throw new BackupError('ARCHIVE_INCOMPLETE', 'The file holds no SQL statement.', {
			hint: 'The dump failed, or was cut off. Choose another one.',
		});
	}
	if (!ends.ofDatabase && !ends.ofCluster) {
		found({
			severity: 'inconclusive',
			message: 'pg_dump has not marked where the script ends, so nobody can tell whether some of it is missing.',
			hint: 'Its statements are whole. Dumps made by pg_dump can be verified.',
		});
	}
	return { counts, version };
}

/**
 * Checks an archive in pg_dump's custom format: its table of contents, and every data block, decompressed to its end.
 * @returns also how many bytes the blocks decompress to
 * @throws BackupError as openArchive and its blocks do; what the source throws
 */
export async function checkCustomArchive(
	source: AsyncIterable<Uint8Array>,
	{ signal, found }: CheckContext,
): Promise<CheckedDump & { unpackedBytes: number }> {
	const archive = await openArchive(source, signal ? { signal } : {});
	const reader = new StatementReader();
	for (const statement of definitionsOf(archive.toc))
		findForbidden(forbiddenStatement(statement, archive.toc.standardStrings), found);
	const counts = { entries: archive.toc.entries.length, blocks: 0, rows: 0, largeObjects: 0 };
	let unpackedBytes = 0;
	for await (const block of archive.blocks()) {
		counts.blocks++;
		if (block.type === 'copy') {
			findForbidden(forbiddenCopy(block.statement), found);
			for await (const rows of block.rows) {
				counts.rows += countNewlines(rows);
				unpackedBytes += rows.length;
			}
		} else if (block.type === 'large-objects') {
			for await (const { data } of block.objects) {
				counts.largeObjects++;
				for await (const chunk of data) unpackedBytes += chunk.length;
			}
		} else {
			for await (const item of lexScript(block.sql, signal ? { signal } : {})) {
				if (item.type === 'statement') {
					findForbidden(forbiddenStatement(item.text, reader.standardStrings), found);
					counts.rows += rowsOf(item.text, reader);
					unpackedBytes += item.text.length;
				} else found({ severity: 'error', part: describeEntry(block.entry), message: 'Its data holds no INSERTs.' });
			}
		}
	}
	return { counts, unpackedBytes, version: majorVersion(archive.toc.serverVersion) };
}

/** The definitions that the table of contents holds, as a restore would run them. */
function* definitionsOf(toc: Toc): Generator<string> {
	const { setup, preData, postData } = planRestore(toc);
	for (const sql of [...setup, ...[...preData, ...postData].map((planned) => planned.sql)])
		for (const { start, end } of splitStatements(sql)) yield sql.slice(start, end);
}

/** Reports a statement that no restore would run: it makes a dump bad. */
function findForbidden(error: BackupError | undefined, found: CheckContext['found']): void {
	if (!error) return;
	const { code, hint, message } = error;
	found({ severity: 'error', message, code, ...(hint !== undefined && { hint }) });
}

/** From a version such as `18.3 (Debian 18.3-1.pgdg13+1)`. */
function majorVersion(text = ''): number | undefined {
	const major = /^\d+/.exec(text)?.[0];
	return major === undefined ? undefined : Number(major) * 10_000;
}

/** How many rows an INSERT brings, as far as they can be counted; 0 for other statements. */
function rowsOf(statement: string, reader: StatementReader): number {
	// The settings of a script decide how its strings are read.
	if (/^SET /i.test(statement)) reader.read(statement);
	return statement.startsWith('INSERT ') ? (reader.insertedRows(statement) ?? 0) : 0;
}

import type { ArchiveWriter, ManifestTable } from '../../archive';
import { translateError } from '../connection';
import { ROWS_PART } from '../rowParts';

import type { FrameBuffers } from './frameBuffers';
import type { BackUpDatabaseOptions } from './options';
import type { CopyTask, TableCopy } from './plan';
import { type FrameForm, RowFrames } from './rowFrames';
import type { SnapshotSession } from './snapshotSession';
import { isTooLarge, rowTooLarge } from './tooLarge';

/** What the reading of tables shares with the rest of a dump. */
export interface Copying {
	options: Pick<BackUpDatabaseOptions, 'connection' | 'signal'>;
	/** The first holds pg_dump's transaction and its locks, the second the exported snapshot. */
	sessions: SnapshotSession[];
	writer: ArchiveWriter;
	/** Those of the manifest. Rows and bytes of what is read are added. */
	tables: ManifestTable[];
	/** Connections that read rows at once. */
	parallel: number;
	ordered: boolean;
	buffers: FrameBuffers;
}

/** The frames of the tables of one task. */
class TaskFrames extends RowFrames {
	/** How many COPYs the server has begun with. */
	copiesBegun = 0;
	#rowsBefore = 0;
	#bytesBefore = 0;

	constructor(
		readonly copying: Copying,
		readonly copies: readonly TableCopy[],
	) {
		super(copying.writer, formOf(copies[0] as TableCopy, copying, copies.length > 1), copying.buffers);
	}

	/** The table whose rows are being read. */
	get table(): ManifestTable {
		return this.copying.tables[this.copies[Math.max(0, this.copiesBegun - 1)]?.table ?? -1] as ManifestTable;
	}

	beginCopy(): void {
		if (this.copiesBegun > 0) {
			this.#count();
			this.turnTo(formOf(this.copies[this.copiesBegun] as TableCopy, this.copying, true));
		}
		this.copiesBegun++;
	}

	override async finish(): Promise<void> {
		this.#count();
		await super.finish();
	}

	#count(): void {
		this.table.rows += this.rows - this.#rowsBefore;
		this.table.bytes += this.bytesRead - this.#bytesBefore;
		this.#rowsBefore = this.rows;
		this.#bytesBefore = this.bytesRead;
	}
}

function formOf({ table, header }: TableCopy, { ordered }: Copying, isShared: boolean): FrameForm {
	return { type: ROWS_PART, table, header, trailer: '\\.\n', whole: ordered, isShared };
}

/** Reads the tables of a task. False where one of them is locked by somebody else, and nothing was read. */
async function copyTask(
	copying: Copying,
	session: SnapshotSession,
	{ copies }: CopyTask,
	holdsLocks: boolean,
): Promise<boolean> {
	const frames = new TaskFrames(copying, copies);
	const statements = copies.map(({ sql }) => sql);
	const locks = holdsLocks ? [] : copies.flatMap(({ lock }) => lock ?? []);
	try {
		if (locks.length === 0) await session.copyOut(statements, frames);
		else if (!(await session.tryCopyOut(locks, statements, frames))) return false;
	} catch (error) {
		const { table } = frames;
		const { connection, signal } = copying.options;
		if (isTooLarge(error)) throw await rowTooLarge(connection, table, error, signal);
		throw translateError(error, 'source', `Could not read table ${table.schema}.${table.name}`);
	}
	await frames.finish();
	for (const copy of copies) copy.copied = true;
	return true;
}

/** All sessions take tasks until none is left; one whose lock is contended goes to the session that holds pg_dump's. */
export async function copyTables(copying: Copying, tasks: CopyTask[]): Promise<void> {
	const contended: CopyTask[] = [];
	const queue = [...tasks];
	const work = async (session: SnapshotSession, holdsLocks: boolean) => {
		for (let task = queue.shift(); task; task = queue.shift()) {
			if (!(await copyTask(copying, session, task, holdsLocks))) contended.push(task);
		}
	};
	const readers = copying.sessions.slice(0, copying.ordered ? 1 : copying.parallel);
	await Promise.all(readers.map((session, index) => work(session, index === 0)));
	for (const task of contended) await copyTask(copying, copying.sessions[0] as SnapshotSession, task, true);
}

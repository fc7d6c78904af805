import { ByteCursor, EndedEarly } from '../../archive/cursor';
import { BackupError } from '../../errors';
import { TarDamage, walkTar, type TarMember } from '../../tar';

export interface TarContents {
	members: number;
	/** Of the members' content. */
	bytes: number;
	/** Whether its members are those of a Qdrant snapshot. */
	looksLikeSnapshot: boolean;
	/** Whether it is a dump of pg_dump --format=tar. */
	looksLikeDump: boolean;
}

/**
 * Walks a tar to its end: every header, every member, the padding, the two blocks that end it, and nothing but zeros after.
 * Its messages name no members, for their names are content, too.
 * @throws BackupError ARCHIVE_CORRUPT, ARCHIVE_INCOMPLETE; what the source throws
 */
export async function walkForeignTar(source: AsyncIterable<Uint8Array>): Promise<TarContents> {
	const cursor = new ByteCursor(source);
	const marks = new MemberMarks();
	let members = 0;
	let bytes = 0;
	try {
		await walkTar(
			cursor,
			(member) => {
				marks.look(member, members === 0);
				members++;
				bytes += member.storedSize;
			},
			{ dialect: 'any' },
		);
	} catch (error) {
		const where = `after ${cursor.position} bytes and ${members} members`;
		if (error instanceof EndedEarly) {
			throw new BackupError('ARCHIVE_INCOMPLETE', `The tar ends too early, ${where}.`, {
				hint: 'The file was cut off. Fetch it again, or choose another one.',
			});
		}
		if (!(error instanceof TarDamage)) throw error;
		throw new BackupError('ARCHIVE_CORRUPT', `The tar ${error.message}, ${where}.`, {
			hint: 'Do not rely on it. Fetch it again, or choose another one.',
		});
	}
	return { members, bytes, looksLikeSnapshot: marks.isSnapshot, looksLikeDump: marks.isDump };
}

/** Recognises by the names of its members whose tar it is. */
class MemberMarks {
	isDump = false;
	#isSnapshotPart = false;
	#isConfigured = false;

	get isSnapshot(): boolean {
		return this.#isConfigured && this.#isSnapshotPart;
	}

	look(member: TarMember, isFirst: boolean): void {
		const name = member.name.replace(/^\.\//, '');
		if (isFirst && name === 'toc.dat') this.isDump = true;
		if (name === 'config.json') this.#isConfigured = true;
		if (/^\d+\/(?:segments|wal|replica_state\.json|shard_config\.json)/.test(name)) this.#isSnapshotPart = true;
		if (/^[^/]+\.snapshot$/.test(name)) this.#isSnapshotPart = true;
		if (/^segments\/|^replica_state\.json$/.test(name) && member.type !== 'symlink') {
			this.#isSnapshotPart = true;
			if (name === 'replica_state.json') this.#isConfigured = true;
		}
	}
}

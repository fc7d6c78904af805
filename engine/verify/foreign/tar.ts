import { ByteCursor, EndedEarly } from '../../archive/cursor';
import { BackupError } from '../../errors';
import { TarDamage, walkTar } from '../../tar';
import type { TarInspection } from '../system';

/**
 * Walks a tar to its end: every header, every member, the padding, the two blocks that end it, and nothing but zeros or another
 * tar after. Answers the number of its members and the bytes that they hold. Its messages name no members, for their names are content, too.
 * @param inspection gets every chunk before the walk does, and every member
 * @throws BackupError ARCHIVE_CORRUPT, ARCHIVE_INCOMPLETE; what the source throws
 */
export async function walkForeignTar(
	source: AsyncIterable<Uint8Array>,
	inspection: Required<Pick<TarInspection<unknown>, 'member' | 'take'>>,
): Promise<{ members: number; bytes: number }> {
	const cursor = new ByteCursor(inspected(source, inspection));
	let members = 0;
	let bytes = 0;
	try {
		await walkTar(
			cursor,
			({ name, type, storedSize }) => {
				inspection.member(name.replace(/^\.\//, ''), type);
				members++;
				bytes += storedSize;
			},
			{ dialect: 'any', joined: true },
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
	return { members, bytes };
}

async function* inspected(
	source: AsyncIterable<Uint8Array>,
	{ take }: Pick<Required<TarInspection<unknown>>, 'take'>,
): AsyncGenerator<Uint8Array> {
	for await (const chunk of source) {
		await take(chunk);
		yield chunk;
	}
}

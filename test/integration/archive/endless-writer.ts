/** Run as a process of its own: writes an archive without end into the folder given, and says when it is at it. */
import { createArchive } from '../../../engine/archive';
import { FolderStorage } from '../../../engine/storage/folder';
import { noise } from '../../random/bytes';

const random = noise('archive/endless-writer');

async function main(root: string): Promise<void> {
	const writer = await createArchive({
		storage: new FolderStorage({ root }),
		folder: 'postgres',
		name: 'shop',
		extension: 'sql',
		kind: 'postgres',
		codec: { name: 'zstd' },
	});
	for (;;) {
		await writer.frame({ type: 'data' }, random(1 << 20));
		if (writer.progress.storedBytes > 0) process.stdout.write('.');
	}
}

void main(process.argv[2]!);

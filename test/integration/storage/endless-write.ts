import { FolderStorage } from '../../../engine/storage';
import { content } from './content';

// Writes without end, and tells when the first bytes are on the disk: to be killed meanwhile.
const [root = '', key = ''] = process.argv.slice(2);

async function* endless(): AsyncGenerator<Buffer, void, undefined> {
	yield* content(8 * 1024 * 1024);
	process.stdout.write('written\n');
	setInterval(() => {}, 1000);
	await new Promise(() => {});
}

void new FolderStorage({ root }).write(key, endless());

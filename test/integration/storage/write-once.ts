import { FolderStorage } from '../../../engine/storage';
import { content } from './content';

// Writes a small object and prints the error that this ends with. Root may write anywhere, so it becomes nobody first.
const NOBODY = 65534;
const [root = '', key = ''] = process.argv.slice(2);
if (process.getuid?.() === 0) {
	process.setgroups?.([]);
	process.setgid?.(NOBODY);
	process.setuid?.(NOBODY);
}

new FolderStorage({ root }).write(key, content(10)).then(
	(stored) => console.log(JSON.stringify(stored)),
	(error: { code?: string; message: string; hint?: string }) =>
		console.log(JSON.stringify({ code: error.code, message: error.message, hint: error.hint })),
);

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** One hash of the names and contents of these files, and of all files below these folders; what is not there counts as such. */
export function fingerprint(root, paths) {
	const hash = createHash('sha256');
	for (const path of paths.flatMap((path) => filesBelow(root, path))) {
		const full = join(root, path);
		const content = existsSync(full) ? createHash('sha256').update(readFileSync(full)).digest('hex') : 'none';
		hash.update(`${JSON.stringify(path)} ${content}\n`);
	}
	return hash.digest('hex');
}

function filesBelow(root, path) {
	if (!statSync(join(root, path), { throwIfNoEntry: false })?.isDirectory()) return [path];
	return readdirSync(join(root, path), { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
		.sort();
}

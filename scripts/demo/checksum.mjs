import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The manifest of the only backup of a name in a folder, once the archive's SHA-256 turned out to be the one in it. */
export function checkedManifest(folder, name) {
	const suffix = '.manifest.json';
	const found = readdirSync(folder).find((file) => file.startsWith(`${name}_2`) && file.endsWith(suffix));
	const manifest = JSON.parse(readFileSync(join(folder, found), 'utf8'));
	const hash = createHash('sha256')
		.update(readFileSync(join(folder, manifest.file)))
		.digest('hex');
	if (hash === manifest.sha256) return manifest;
	throw new Error(`${manifest.file} has the SHA-256 ${hash}, the manifest says ${manifest.sha256}.`);
}

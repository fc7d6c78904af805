import { readFileSync } from 'node:fs';
import path from 'node:path';

/** The name of this package. */
export const PACKAGE = 'n8n-nodes-stack-backup';

let version: string | undefined;

/** What manifests name as their writer: this package and its version. */
export function productTool(): { name: string; version: string } {
	version ??= findVersion(__dirname);
	return { name: PACKAGE, version };
}

/** The sources and the built files lie at different depths below package.json. */
function findVersion(folder: string): string {
	for (let above = folder; ; above = path.dirname(above)) {
		const found = versionIn(path.join(above, 'package.json'));
		if (found !== undefined) return found;
		if (above === path.dirname(above)) return 'unknown';
	}
}

function versionIn(file: string): string | undefined {
	try {
		const { name, version: found } = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string };
		return name === PACKAGE ? found : undefined;
	} catch {
		return undefined;
	}
}

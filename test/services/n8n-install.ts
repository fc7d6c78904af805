import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The packages of the n8n that the tests start, n8n's own among them. */
export const N8N_MODULES = join(__dirname, '..', '..', '.cache', 'n8n', 'node_modules');

/** Throws unless n8n is there. */
export function assertInstalled(): void {
	if (existsSync(N8N_MODULES)) return;
	throw new Error('n8n is not installed: run `npm test` (or `npm run dev`) once, which installs it.');
}

/** The environment in which n8n takes the compiled code of its thousands of files from where the tests keep theirs. */
export function keptCode(): Record<string, string> {
	const folder = process.env['NODE_COMPILE_CACHE'];
	return folder ? { NODE_COMPILE_CACHE: folder } : {};
}

/**
 * Puts a built package where n8n finds community nodes, laid out as n8n's own install leaves it: the package without
 * `n8n-workflow`, which must be n8n's. The compiled files are copied, since a link would lead `require` back to the
 * repository's own n8n-workflow; the dependencies are linked. Answers the package's new folder.
 */
export function linkPackage(packageFolder: string, userFolder: string): string {
	const manifest = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as {
		name: string;
		dependencies?: Record<string, string>;
	};
	const target = join(userFolder, '.n8n', 'nodes', 'node_modules', manifest.name);
	mkdirSync(target, { recursive: true });
	cpSync(join(packageFolder, 'package.json'), join(target, 'package.json'));
	rmSync(join(target, 'dist'), { recursive: true, force: true });
	cpSync(join(packageFolder, 'dist'), join(target, 'dist'), { recursive: true });
	for (const name of Object.keys(manifest.dependencies ?? {})) {
		const link = join(target, 'node_modules', name);
		mkdirSync(dirname(link), { recursive: true });
		rmSync(link, { recursive: true, force: true });
		symlinkSync(join(packageFolder, 'node_modules', name), link);
	}
	return target;
}

import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { builtPackage } from '../services/built-package';
import { linkPackage } from '../services/n8n-install';

declare module 'vitest' {
	export interface ProvidedContext {
		/** The folder of our package, built and laid out as n8n's install leaves it. Nobody writes there. */
		nodesPackage: string;
	}
}

const ROOT = join(__dirname, '..', '..');

/**
 * Builds the package and lays it out, once for all files. Outside of this repository, whose own n8n-workflow it must not find, and in the
 * same place at every run: Node keeps what it has compiled by the names of the files, and would compile 760 of them anew for each test file.
 */
export default async function setUp(project: TestProject): Promise<() => void> {
	await builtPackage();
	const folder = join(tmpdir(), `stack-backup-nodes-${createHash('sha256').update(ROOT).digest('hex').slice(0, 16)}`);
	project.provide('nodesPackage', linkPackage(ROOT, folder));
	return () => rmSync(folder, { recursive: true, force: true });
}

import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..');

// Each of vitest's projects loads its set-up anew, so a variable of this module would not outlast the first.
const builds = globalThis as { stackBackupBuild?: Promise<void> };

/** Builds the package, once however many suites of this process need it built. */
export async function builtPackage(): Promise<void> {
	await (builds.stackBackupBuild ??= build());
}

async function build(): Promise<void> {
	const scripts = (await import(join(ROOT, 'scripts', 'build', 'package.mjs'))) as { build(): void };
	scripts.build();
}

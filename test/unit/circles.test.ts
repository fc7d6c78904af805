import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

import ts from 'typescript';
import { expect, it } from 'vitest';

const ROOT = join(__dirname, '..', '..');

/** All source files of a folder, with the files of ours that each imports. */
function importsBelow(folder: string): Map<string, string[]> {
	const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
		.filter((file) => file.endsWith('.ts'))
		.map((file) => join(ROOT, folder, file));
	return new Map(files.map((file) => [file, importsOf(file)]));
}

function importsOf(file: string): string[] {
	return ts
		.preProcessFile(readFileSync(file, 'utf8'))
		.importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
		.map(({ fileName }) => join(dirname(file), fileName))
		.map((path) => [`${path}.ts`, join(path, 'index.ts')].find((candidate) => existsSync(candidate)))
		.filter((path) => path !== undefined);
}

/** The files of each circle that a walk along the imports meets. */
function circlesOf(imports: Map<string, string[]>): string[] {
	const circles: string[] = [];
	const done = new Set<string>();
	const walk = (file: string, path: string[]) => {
		const start = path.indexOf(file);
		if (start >= 0) return void circles.push([...path.slice(start), file].map(nameOf).join(' -> '));
		if (done.has(file)) return;
		for (const imported of imports.get(file) ?? []) walk(imported, [...path, file]);
		done.add(file);
	};
	for (const file of imports.keys()) walk(file, []);
	return circles;
}

function nameOf(file: string): string {
	return relative(ROOT, file);
}

// Circles of types alone are found as well: they hold code together just as much as those of what runs.
it('no file of the sources imports itself in a circle, not for a type either', () => {
	const imports = new Map(['engine', 'nodes', 'credentials'].flatMap((folder) => [...importsBelow(folder)]));
	expect(imports.size).toBeGreaterThan(400);
	expect(circlesOf(imports)).toEqual([]);
});

/**
 * Lets Node run this repository's TypeScript as the build would: compiled to CommonJS by the `typescript` package, with
 * extensionless imports. `node --import ./scripts/typescript-hooks.mjs x.ts`; worker threads inherit it, so an engine
 * file that starts `new Worker(join(__dirname, 'x' + extname(__filename)))` works from source in tests too. Compiled files
 * are kept under `.cache/typescript` by the hash of their source.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = join(root, '.cache', 'typescript');
const require = createRequire(import.meta.url);

const isFile = (path) => existsSync(path) && statSync(path).isFile();
const isOurs = (url) => url?.startsWith('file:') && !url.includes('/node_modules/');

function resolve(specifier, context, nextResolve) {
	if (/^\.{1,2}(\/|$)/.test(specifier) && isOurs(context.parentURL)) {
		const path = fileURLToPath(new URL(specifier, context.parentURL));
		const found = [`${path}.ts`, join(path, 'index.ts')].find(isFile);
		if (found && !isFile(path)) return { url: pathToFileURL(found).href, format: 'commonjs', shortCircuit: true };
	}
	return nextResolve(specifier, context);
}

function compile(path) {
	const source = readFileSync(path, 'utf8');
	const target = join(cache, `${createHash('sha256').update(path).update(source).digest('hex')}.js`);
	if (existsSync(target)) return readFileSync(target, 'utf8');
	const typescript = require('typescript');
	const { outputText } = typescript.transpileModule(source, {
		fileName: path,
		compilerOptions: {
			target: 'es2023',
			module: 'commonjs',
			esModuleInterop: true,
			inlineSourceMap: true,
			inlineSources: true,
		},
	});
	mkdirSync(cache, { recursive: true });
	const draft = `${target}.${process.pid}.${Math.random().toString(36).slice(2)}`;
	writeFileSync(draft, outputText);
	renameSync(draft, target);
	return outputText;
}

function load(url, context, nextLoad) {
	if (!isOurs(url) || !url.endsWith('.ts')) return nextLoad(url, context);
	return { format: 'commonjs', source: compile(fileURLToPath(url)), shortCircuit: true };
}

registerHooks({ resolve, load });

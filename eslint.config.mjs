import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import js from '@eslint/js';
import communityNodes from '@n8n/eslint-plugin-community-nodes';
import { defineConfig, globalIgnores } from 'eslint/config';
import importX, { createNodeResolver } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

// n8n's rules for community nodes, in the set for packages that n8n's cloud does not offer: a backup has to reach files, sockets
// and worker threads, which the cloud's set forbids.
const communityRules = {
	...communityNodes.configs.recommendedWithoutN8nCloudSupport.rules,
	// Verified packages must not have dependencies. This one speaks PostgreSQL's protocol, S3 and OpenPGP, and uses the
	// established libraries for them rather than copies.
	'@n8n/community-nodes/no-runtime-dependencies': 'off',
	// One keeps a compiler of 27 MB, which nobody runs, out of every n8n that installs this package: see CONTRIBUTING.md.
	'@n8n/community-nodes/no-overrides-field': 'off',
	// Databases are reached with n8n's own credentials (postgres and others), which users have already.
	'@n8n/community-nodes/no-credential-reuse': 'off',
	'@n8n/community-nodes/valid-credential-references': 'off',
	// All operations of a node are about one resource, which is not shown: see onlyResource in nodes/shared/descriptions/node.ts.
	'@n8n/community-nodes/resource-operation-pattern': 'off',
	// Backups run for minutes to hours and delete things: not for an agent to call as a tool.
	'@n8n/community-nodes/node-usable-as-tool': 'off',
	// The authors are those in git's log.
	'@n8n/community-nodes/valid-author': 'off',
};

const sourceRules = {
	'@typescript-eslint/no-unused-vars': [
		'error',
		{ argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' },
	],
	// What was caught, or a signal's reason, is thrown again as it came.
	'@typescript-eslint/only-throw-error': ['error', { allowThrowingAny: true, allowThrowingUnknown: true }],
};

/** What every folder of the engine may use: errors, and what belongs to no folder. */
const ground = ['errors.ts', 'certificateCodes.ts', 'parallel.ts'];

/** Which folders of the engine a folder may use besides itself and the ground. A folder that is not named may use none. */
const below = {
	storage: [],
	archive: ['storage'],
	journal: ['archive', 'storage'],
	preflight: ['archive', 'storage'],
	tar: ['archive', 'storage'],
	tree: ['tar', 'archive', 'storage'],
	verify: ['tar', 'journal', 'archive', 'storage'],
	copy: ['journal', 'archive', 'storage'],
	retention: ['verify', 'journal', 'archive', 'storage'],
	report: ['retention', 'verify', 'journal', 'archive', 'storage'],
	postgres: ['verify', 'tree', 'tar', 'preflight', 'journal', 'archive', 'storage'],
	qdrant: ['verify', 'tree', 'tar', 'preflight', 'journal', 'archive', 'storage'],
	files: ['verify', 'tree', 'tar', 'preflight', 'journal', 'archive', 'storage'],
	minio: ['verify', 'tree', 'tar', 'preflight', 'journal', 'archive', 'storage'],
	n8n: ['verify', 'tree', 'tar', 'preflight', 'journal', 'archive', 'storage'],
};

/** The arrows of the layout (CONTRIBUTING.md): imports go from the nodes down to the storage, and never back up. */
const zones = [
	...Object.entries(below).map(([folder, others]) => ({
		target: `./engine/${folder}`,
		from: './engine',
		except: [...ground, folder, ...others],
		message: `engine/${folder} may use ${[...others, 'errors'].join(', ')} of the engine, and nothing else.`,
	})),
	{
		target: ['./nodes', './credentials'],
		from: './engine',
		except: ['index.ts'],
		message: 'Nodes and credentials use the engine by its index.',
	},
	...readdirSync(join(import.meta.dirname, 'nodes')).map((folder) => ({
		target: `./nodes/${folder}`,
		from: './nodes',
		except: [...new Set([folder, 'shared'])],
		message: 'What several nodes need belongs in nodes/shared.',
	})),
];

export default defineConfig(
	globalIgnores(['dist/', '.cache/', 'node_modules/']),
	{
		files: ['engine/**/*.ts', 'nodes/**/*.ts', 'credentials/**/*.ts', 'test/**/*.ts', 'vitest.config.mts'],
		extends: [js.configs.recommended, tseslint.configs.recommendedTypeChecked],
		// One project for all: another one for the sources alone would read, and check, all of them once more.
		languageOptions: { parserOptions: { project: './tsconfig.test.json', tsconfigRootDir: import.meta.dirname } },
		rules: sourceRules,
	},
	{
		files: ['engine/**/*.ts', 'nodes/**/*.ts', 'credentials/**/*.ts'],
		plugins: { 'import-x': importX },
		settings: {
			'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts', '.js'] })],
			'import-x/extensions': ['.ts', '.js'],
			'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
		},
		rules: {
			'import-x/no-restricted-paths': ['error', { basePath: import.meta.dirname, zones }],
		},
	},
	{
		files: ['nodes/**/*.ts', 'credentials/**/*.ts'],
		plugins: { '@n8n/community-nodes': communityNodes },
		rules: communityRules,
	},
	{
		files: ['engine/**/*.ts'],
		rules: {
			'no-restricted-imports': [
				'error',
				{ patterns: [{ group: ['n8n-*', '**/nodes/**'], message: 'The engine knows nothing of n8n.' }] },
			],
		},
	},
	{
		files: ['test/**/*.ts', 'vitest.config.mts'],
		rules: {
			// Servers are plain objects: their functions need no `this`.
			'@typescript-eslint/unbound-method': 'off',
			// Rows, JSON answers and fixtures are read as they come.
			'@typescript-eslint/no-unsafe-assignment': 'off',
			'@typescript-eslint/no-unsafe-member-access': 'off',
			'@typescript-eslint/no-unsafe-argument': 'off',
			'@typescript-eslint/no-unsafe-return': 'off',
			'@typescript-eslint/no-unsafe-call': 'off',
			'@typescript-eslint/require-await': 'off',
			'no-restricted-syntax': [
				'error',
				{
					selector: 'MemberExpression[object.name=/^(it|test|describe)$/][property.name=/^(skip|only|todo)$/]',
					message: 'Every test runs, always.',
				},
			],
		},
	},
	{
		files: ['scripts/**/*.mjs', 'test/**/*.mjs', '*.mjs', 'gulpfile.js'],
		extends: [js.configs.recommended],
		languageOptions: {
			globals: Object.fromEntries(
				[
					'process',
					'console',
					'fetch',
					'URL',
					'setTimeout',
					'setInterval',
					'clearInterval',
					'clearTimeout',
					'require',
					'exports',
					'AbortController',
					'Buffer',
				].map((name) => [name, 'readonly']),
			),
		},
	},
	{
		files: ['test/{unit,integration,nodes,e2e,system}/**/*.ts'],
		ignores: ['test/**/harness*.ts'],
		rules: {
			'no-restricted-imports': [
				'error',
				{
					paths: [
						{
							name: 'node:crypto',
							importNames: ['randomBytes', 'randomInt'],
							message: 'Tests draw from their seed: noise() of test/random.',
						},
					],
				},
			],
		},
	},
	{
		files: ['package.json'],
		plugins: { '@n8n/community-nodes': communityNodes },
		languageOptions: { parser: tseslint.parser, parserOptions: { extraFileExtensions: ['.json'] } },
		rules: communityRules,
	},
);

/** What judges the files of deploy/ where there is neither Docker nor Kubernetes. */
import { execFileSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { buildProgram, programOf } from './go-programs';

/** The loader that `docker compose` reads its files with. */
const COMPOSE = { name: 'cmd', package: 'github.com/compose-spec/compose-go/v2/cmd', version: 'v2.16.2' };
/** Checks manifests against the published schemas of Kubernetes, which it brings along. */
const VALIDATE = 'kubernetes-validate==1.37.0';
const VALIDATE_FOLDER = join(__dirname, '..', '..', '.cache', 'kubernetes-validate-1.37.0');

export async function buildComposeLoader(): Promise<void> {
	if (programOf(COMPOSE)) return;
	console.log('Setting up: the loader of Compose files, from its Go module (1 minute)');
	await buildProgram(COMPOSE);
}

export function installKubernetesValidate(): void {
	if (existsSync(VALIDATE_FOLDER)) return;
	const draft = `${VALIDATE_FOLDER}.${process.pid}`;
	const options = ['--quiet', '--root-user-action=ignore', '--target', draft];
	try {
		execFileSync('python3', ['-m', 'pip', 'install', ...options, VALIDATE], { stdio: 'inherit' });
		renameSync(draft, VALIDATE_FOLDER);
	} finally {
		rmSync(draft, { recursive: true, force: true });
	}
}

export interface ComposeService {
	image?: string;
	environment?: Record<string, string> | string[];
	healthcheck?: unknown;
	restart?: string;
	ports?: Array<{ host_ip?: string; published: string }>;
	secrets?: Array<{ source: string; target: string }>;
	volumes?: Array<{ type: string; source: string; target: string; read_only?: boolean }>;
}

export interface ComposeModel {
	services: Record<string, ComposeService>;
	secrets: Record<string, { file: string }>;
	volumes: Record<string, unknown>;
}

/** What `docker compose config` makes of the files; throws with its words where they do not conform. */
export function loadCompose(folder: string, files: string[]): ComposeModel {
	const program = programOf(COMPOSE);
	if (!program) throw new Error('The loader of Compose files is not built: run `npm run test:system` once.');
	const output = execFileSync(program, ['-format', 'json', ...files], { cwd: folder, encoding: 'utf8' });
	return JSON.parse(output) as ComposeModel;
}

/** Strictly: what no schema knows is an error. @returns what it says of each resource; throws where one does not conform */
export function validateManifests(file: string): string {
	const env = { PATH: process.env['PATH'], PYTHONPATH: VALIDATE_FOLDER };
	const script = `python3 -m kubernetes_validate --strict "$0" 2>&1`;
	return execFileSync('sh', ['-c', script, file], { env, encoding: 'utf8' });
}

/** The documents of a YAML file. */
export function readYaml(file: string): unknown[] {
	const script = 'import json, sys, yaml; json.dump(list(yaml.safe_load_all(open(sys.argv[1]))), sys.stdout)';
	return JSON.parse(execFileSync('python3', ['-c', script, file], { encoding: 'utf8' })) as unknown[];
}

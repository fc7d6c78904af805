import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Execution } from '../services/n8n-client';
import type { PostgresServer } from '../services/postgres';
import type { Json, NodeRunner } from './node-runner';
import { type FinishedRun, PACKAGE } from './workflow';

export const NODE_TYPE = `${PACKAGE}.verifyArchive`;

/** What the node put out, by output. */
export interface Verdicts {
	passed: Json[];
	failed: Json[];
	/** The third output, where there is one. */
	errors: Json[];
	hints: string[];
}

export function verdictsOf({ execution, hints }: Pick<FinishedRun, 'execution' | 'hints'>): Verdicts {
	const [passed, failed, errors] = outputsOf(execution, 'Node');
	return { passed: passed ?? [], failed: failed ?? [], errors: errors ?? [], hints };
}

export function outputsOf(execution: Execution, node: string): Json[][] {
	const main = execution.data.resultData.runData[node]?.at(-1)?.data?.main ?? [];
	return main.map((items) => (items ?? []).map(({ json }) => json));
}

/** Runs it and expects it to end well, whatever it finds: what has not passed goes to Failed. */
export async function verdicts(
	node: NodeRunner,
	operation: string,
	parameters: Record<string, unknown> = {},
	settings: Record<string, unknown> = {},
): Promise<Verdicts> {
	const run = await node.run(operation, { onFailure: 'putOut', ...parameters }, settings);
	if (run.status !== 'success') throw new Error(`${operation}: ${run.error?.message} ${run.error?.description}`);
	return verdictsOf(run);
}

/** Changes a bit in the middle of a file. */
export function flipBit(path: string): void {
	const bytes = readFileSync(path);
	bytes[Math.floor(bytes.length / 2)]! ^= 1;
	writeFileSync(path, bytes);
}

/** A copy of a backup in another folder of the storage, as it is. Answers the key of its archive. */
export function copyBackup(folder: string, key: string, to: string): string {
	const copy = join(to, key.slice(key.lastIndexOf('/') + 1));
	mkdirSync(dirname(join(folder, copy)), { recursive: true });
	for (const suffix of ['', '.manifest.json']) copyFileSync(join(folder, key + suffix), join(folder, copy + suffix));
	return copy;
}

export function filesUnder(folder: string): string[] {
	return readdirSync(folder, { recursive: true }).map(String).sort();
}

/** Databases that test restores make. */
export async function scratchDatabases(server: PostgresServer): Promise<string[]> {
	const { rows } = await server.query<{ datname: string }>(
		'postgres',
		`SELECT datname FROM pg_database WHERE datname LIKE 'stack_backup_verify%'`,
	);
	return rows.map(({ datname }) => datname);
}

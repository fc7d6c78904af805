import { readdirSync } from 'node:fs';

import type { NodeCredentials } from '../services/n8n-client';
import { freshFilesFolder } from './harness';
import type { FinishedRun, NodeHost, NodeUnderTest, Runnable } from './workflow';

type CredentialReference = NodeCredentials[string];

/** An item's JSON, read as it comes. */
export type Json = Record<string, ReturnType<typeof JSON.parse>>;

/** One way of running one of our nodes: with its credentials, on one server and one storage. */
export class NodeRunner<W extends Runnable = Runnable> {
	constructor(
		private readonly n8n: NodeHost<W>,
		private readonly type: string,
		readonly credentials: NodeCredentials,
	) {}

	/** With a fresh folder as the storage, and further credentials by type. */
	static async withFolder<W extends Runnable>(n8n: NodeHost<W>, type: string, credentials: NodeCredentials) {
		const folder = freshFilesFolder(n8n);
		const data = { type: 'folder', folderPath: folder };
		const backupStorageApi = await n8n.createCredential('folder', 'backupStorageApi', data);
		return { folder, node: new NodeRunner(n8n, type, { ...credentials, backupStorageApi }) };
	}

	/** The same with other credentials; undefined takes one away. */
	with(credentials: Record<string, CredentialReference | undefined>): NodeRunner<W> {
		const entries = Object.entries({ ...this.credentials, ...credentials }).filter(([, reference]) => reference);
		return new NodeRunner(this.n8n, this.type, Object.fromEntries(entries) as NodeCredentials);
	}

	async workflow(
		operation: string,
		parameters: Record<string, unknown> = {},
		settings: Record<string, unknown> = {},
		before: NodeUnderTest[] = [],
	): Promise<W> {
		const { credentials } = this;
		// Tests look at everything that items tell; what Simplify leaves of it has tests of its own.
		const node = { type: this.type, parameters: { operation, simplify: false, ...parameters }, credentials, settings };
		return await this.n8n.workflow(
			node,
			before.map((one) => ({ credentials, ...one })),
		);
	}

	async run(
		operation: string,
		parameters: Record<string, unknown> = {},
		settings: Record<string, unknown> = {},
	): Promise<FinishedRun> {
		return await (await this.workflow(operation, parameters, settings)).run();
	}

	/** Runs it and expects it to succeed; answers the JSON of its items, on its first output. */
	async ok(operation: string, parameters: Record<string, unknown> = {}): Promise<Json[]> {
		return (await this.outputs(operation, parameters))[0] ?? [];
	}

	/** The same of all its outputs. */
	async outputs(operation: string, parameters: Record<string, unknown> = {}): Promise<Json[][]> {
		const run = await this.run(operation, parameters);
		if (run.status !== 'success') throw new Error(`${operation}: ${run.error?.message} ${run.error?.description}`);
		return run.outputs.map((items) => items.map(({ json }) => json));
	}

	/** Runs it and expects it to fail; answers what the user sees. */
	async fails(operation: string, parameters: Record<string, unknown> = {}): Promise<string> {
		const run = await this.run(operation, parameters);
		if (run.status !== 'error') throw new Error(`${operation} ended with ${run.status}`);
		return `${run.error?.message} ${run.error?.description ?? ''}`;
	}
}

/** What lies in the folder of a storage, but for what the package keeps for itself and for people: its journal and its log. */
export function storedIn(folder: string): string[] {
	return readdirSync(folder).filter((name) => name !== '.stack-backup' && name !== 'backup.log');
}

/** What stands in a resource locator that names something of a server. */
export function byName(value: unknown): Record<string, unknown> {
	return { __rl: true, mode: 'name', value };
}

/** The Backup field of the node. */
export function backup(mode: 'list' | 'latest' | 'id' | 'file', value: string): Record<string, unknown> {
	return { backup: { __rl: true, mode, value } };
}

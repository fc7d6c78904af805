import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type {
	ICredentialTestFunctions,
	ICredentialType,
	ILoadOptionsFunctions,
	INode,
	INodeType,
	IRun,
	ITriggerFunctions,
	ITaskDataConnections,
	IVersionedNodeType,
	IWorkflowBase,
	IWorkflowExecuteAdditionalData,
	NodeHelpers,
	Workflow,
	WorkflowActivateMode,
	WorkflowExecuteMode,
} from 'n8n-workflow';
import { inject } from 'vitest';
import { temporaryFolder } from '../services/guard';
import { assertInstalled, N8N_MODULES } from '../services/n8n-install';

type AdditionalData = IWorkflowExecuteAdditionalData;
type Mode = WorkflowExecuteMode;
export type NodeClass = INodeType | IVersionedNodeType;

/** What we use of n8n-core, whose own declarations are not there before n8n is installed. */
interface Core {
	PackageDirectoryLoader: new (directory: string) => LoadedPackage & { loadAll(): Promise<void> };
	WorkflowExecute: new (additionalData: AdditionalData, mode: Mode) => { run(what: RunOptions): Promise<IRun> };
	ExecutionLifecycleHooks: new (mode: Mode, id: string, workflow: IWorkflowBase) => object;
	LoadOptionsContext: new (
		workflow: Workflow,
		node: INode,
		additionalData: AdditionalData,
		path: string,
	) => ILoadOptionsFunctions;
	TriggerContext: new (
		workflow: Workflow,
		node: INode,
		additionalData: AdditionalData,
		mode: Mode,
		activation: WorkflowActivateMode,
		emit: ITriggerFunctions['emit'],
		emitError: ITriggerFunctions['emitError'],
		saveFailedExecution: ITriggerFunctions['saveFailedExecution'],
	) => ITriggerFunctions;
	CredentialTestContext: new (additionalData: AdditionalData) => ICredentialTestFunctions;
	BinaryDataService: new () => { init(): Promise<void> };
}

interface RunOptions {
	workflow: Workflow;
	startNode: INode;
	triggerToStartFrom: { name: string; data: { data: ITaskDataConnections } };
}

interface LoadedPackage {
	packageName: string;
	nodeTypes: Record<string, { type: NodeClass }>;
	credentialTypes: Record<string, { type: ICredentialType }>;
}

/** n8n's execution engine, with our package loaded by n8n's own loader. */
export interface N8nEngine {
	core: Core;
	workflow: { Workflow: typeof Workflow; NodeHelpers: typeof NodeHelpers };
	ours: LoadedPackage;
	/** A node type of n8n's own, by its full type. */
	builtInNode(type: string): NodeClass;
	/** A credential type of n8n's own. */
	builtInCredential(name: string): ICredentialType;
	userFolder: string;
	/** The only folder that nodes may read and write. */
	filesFolder: string;
}

/**
 * Loads the execution engine of the n8n that the end-to-end tests start, with a user folder of its own, and our package as n8n's
 * install leaves it. Takes about a second; one engine is all that a process can hold, for n8n reads its settings once.
 */
export async function loadEngine(): Promise<N8nEngine> {
	assertInstalled();
	const userFolder = temporaryFolder('nodes');
	const filesFolder = join(userFolder, 'files');
	mkdirSync(filesFolder);
	Object.assign(process.env, {
		N8N_USER_FOLDER: userFolder,
		N8N_ENCRYPTION_KEY: 'of the tests alone',
		N8N_RESTRICT_FILE_ACCESS_TO: filesFolder,
		N8N_LOG_LEVEL: 'silent',
		GENERIC_TIMEZONE: 'UTC',
		// How n8n lets community packages find its own n8n-workflow.
		NODE_PATH: N8N_MODULES,
	});
	const load = createRequire(join(N8N_MODULES, 'n8n', 'package.json'));
	(load('node:module') as { _initPaths(): void })._initPaths();
	const core = load('n8n-core') as Core;
	const { Container } = load('@n8n/di') as { Container: { get<T>(service: new () => T): T } };
	await Container.get(core.BinaryDataService).init();
	const ours = new core.PackageDirectoryLoader(inject('nodesPackage'));
	await ours.loadAll();
	return {
		core,
		workflow: load('n8n-workflow') as N8nEngine['workflow'],
		ours,
		builtInNode: (type) => builtIn<NodeClass>(load, 'nodes', type.slice(type.lastIndexOf('.') + 1)),
		builtInCredential: (name) => builtIn<ICredentialType>(load, 'credentials', name),
		userFolder,
		filesFolder,
	};
}

/** Loads one class of n8n's packages, which would take long to load whole, by the lists that they carry of their classes. */
function builtIn<T>(load: NodeJS.Require, kind: 'nodes' | 'credentials', name: string): T {
	for (const owner of ['n8n-nodes-base', '@n8n/n8n-nodes-langchain']) {
		const folder = join(N8N_MODULES, owner);
		const known = JSON.parse(readFileSync(join(folder, 'dist', 'known', `${kind}.json`), 'utf8')) as Record<
			string,
			{ className: string; sourcePath: string }
		>;
		if (!known[name]) continue;
		const classes = load(join(folder, known[name].sourcePath)) as Record<string, new () => T>;
		return new classes[known[name].className]!();
	}
	throw new Error(`n8n has no ${kind} called ${name}.`);
}

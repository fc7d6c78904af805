/**
 * Imports workflows into an n8n. The backup is read to its end first, and what is to be done with each workflow is decided; then
 * what is to be overwritten is exported, and only after that anything is changed. A run that breaks is run again: what it has
 * done already is found to be the same.
 */
import type { ArchiveChoices, Manifest } from '../../../archive';
import { BackupError, throwIfCancelled } from '../../../errors';
import type { N8nApi } from '../../api';
import { exportWorkflows } from '../exportWorkflows';
import type { WorkflowSide } from '../side';
import { asWorkflow, descriptionOf, tagsOf, type Workflow } from '../workflow';
import { importBody } from './body';
import { BesideImport, type BesideImportKind, type ImportedBeside } from './beside';
import { CredentialMap, type WithCredentials } from './credentials';
import {
	assertMode,
	type ImportAction,
	type ImportMode,
	type ImportPlan,
	planImport,
	type PlannedWorkflow,
} from './plan';
import { referencesOf, withReferences } from './references';
import { refusalIn } from './refusal';
import { Tags } from './tags';

export type { BesideImportKind, ImportedBeside } from './beside';

export interface ImportWorkflowsOptions {
	/** What is imported. */
	side: WorkflowSide;
	/** Where to; writes. */
	api: N8nApi;
	mode: ImportMode;
	/** Says what would be done, and does nothing. Default true. */
	dryRun?: boolean;
	/** What lies beside the workflows in the file and is imported as well. Default nothing. */
	beside?: readonly BesideImportKind[];
	/** Makes those active that are active in the backup, and lets what is updated go live. Default false. */
	activate?: boolean;
	/** Imports also what is archived in the backup; it is not archived afterwards. Default false. */
	withArchived?: boolean;
	/** Where new ones go; by default into the personal project of the user whose key it is. */
	projectId?: string | undefined;
	/** Where what is overwritten is exported to before. */
	safeguard: ArchiveChoices & { name?: string };
	onProgress?: (progress: { workflows: number; of: number }) => void;
	signal?: AbortSignal | undefined;
}

/** What was done with a workflow, or would be. */
export interface ImportedWorkflow extends Omit<PlannedWorkflow, 'action' | 'isActive'> {
	action: ImportAction | 'failed';
	/** Whether the import has made it active; of a dry run, whether it would. */
	activated: boolean;
}

export interface ImportedWorkflows {
	workflows: ImportedWorkflow[];
	/** What lies beside them, as far as it was asked for. */
	beside: ImportedBeside[];
	/** What was exported before it was overwritten; undefined where nothing was. */
	safeguard: Manifest | undefined;
	/** What could not be made certain. */
	warnings: string[];
}

/** @throws BackupError as reading the side does; INVALID_INPUT where nothing of it is chosen; ACCESS_DENIED, TARGET_*, CANCELLED; what exportWorkflows throws */
export async function importWorkflows(options: ImportWorkflowsOptions): Promise<ImportedWorkflows> {
	const { side, api, mode, dryRun = true, activate = false, withArchived = false, projectId, signal } = options;
	throwIfCancelled(signal);
	assertMode(mode);
	const credentials = await CredentialMap.of(api, signal);
	const beside = await BesideImport.planned({ side, api, kinds: options.beside ?? [], projectId, signal });
	const applied = (workflow: Workflow) => credentials.applied(beside.applied(workflow));
	const plan = await planImport(side, api, { mode, withArchived, applied }, signal);
	if (plan.workflows.length === 0) throw nothingChosen(side.name);
	const results = plan.workflows.map(({ isActive, ...planned }): ImportedWorkflow => {
		const isWanted = activate && isActive && planned.action !== 'skip' && planned.credentialsMissing.length === 0;
		return { ...planned, activated: isWanted };
	});
	const { warnings } = plan;
	if (dryRun) return { workflows: results, beside: beside.things, safeguard: undefined, warnings };
	const safeguard = await exportBefore(options, plan);
	await beside.store();
	const run = new ImportRun(options, plan, applied, results);
	await run.store();
	await run.link();
	await run.activate();
	return { workflows: results, beside: beside.things, safeguard, warnings };
}

/** Exports what is to be overwritten. @throws BackupError SOURCE_FAILED where not all of it could be exported */
async function exportBefore(options: ImportWorkflowsOptions, plan: ImportPlan): Promise<Manifest | undefined> {
	const { api, safeguard, signal } = options;
	const ids = plan.workflows.flatMap(({ action, id }) => (action === 'update' && id !== undefined ? [id] : []));
	if (ids.length === 0) return undefined;
	const { name = 'workflows-before-import', ...choices } = safeguard;
	const manifest = await exportWorkflows({ ...choices, api, name, choice: { ids }, ...(signal && { signal }) });
	if (manifest.counts['workflows'] === ids.length) return manifest;
	throw new BackupError(
		'SOURCE_FAILED',
		`Not all of the ${ids.length} workflows that are to be overwritten could be exported before. ${manifest.warnings.join(' ')}`,
		{ hint: 'Nothing was changed. Import again, or leave those workflows out.' },
	);
}

class ImportRun {
	readonly #tags: Tags;

	constructor(
		private readonly options: ImportWorkflowsOptions,
		private readonly plan: ImportPlan,
		private readonly applied: (workflow: Workflow) => WithCredentials,
		private readonly results: ImportedWorkflow[],
	) {
		this.#tags = new Tags(options.api, options.signal);
	}

	/** Creates and updates, one workflow after the other. */
	async store(): Promise<void> {
		const { onProgress } = this.options;
		await this.#each(async (workflow, result, index) => {
			if (result.action === 'create') await this.#create(workflow, result);
			else if (result.action === 'update') await this.#update(workflow, result);
			onProgress?.({ workflows: index + 1, of: this.results.length });
		});
	}

	/** Lets those that name other workflows name what these are called now. */
	async link(): Promise<void> {
		const { ids } = this.plan;
		if ([...ids].every(([before, now]) => before === now)) return;
		const { api, signal } = this.options;
		await this.#each(async (workflow, result) => {
			const isWritten = result.action === 'create' || result.action === 'update';
			if (!isWritten || result.id === undefined || referencesOf(workflow).length === 0) return;
			const linked = this.#linked(workflow);
			const found = await api.workflow(result.id, signal);
			const standing = found && asWorkflow(found);
			if (!standing || sameReferences(standing, linked)) return;
			await this.#put(linked, result);
		});
	}

	/** After everything else, so that the workflows that others run are there. */
	async activate(): Promise<void> {
		const { api, signal } = this.options;
		for (const result of this.results) {
			if (!result.activated || result.id === undefined || result.action === 'failed') continue;
			result.activated = false;
			await this.#attempt(result, async (id) => {
				await api.activate(id, result.name, signal);
				result.activated = true;
			});
		}
	}

	async #create(workflow: Workflow, result: ImportedWorkflow): Promise<void> {
		const { api, projectId, signal } = this.options;
		const linked = this.#linked(workflow);
		const { body } = importBody(linked, true);
		const created = await api.createWorkflow({ ...body, ...(projectId && { projectId }) }, signal);
		result.id = created.id;
		if (result.sourceId !== undefined) this.plan.ids.set(result.sourceId, created.id);
		// What cannot be given to a new one.
		if (descriptionOf(workflow) !== '') await this.#put(linked, result);
		await this.#tags.set(created.id, tagsOf(workflow), tagsOf(created));
	}

	async #update(workflow: Workflow, result: ImportedWorkflow): Promise<void> {
		const updated = await this.#put(this.#linked(workflow), result);
		if (updated) await this.#tags.set(updated.id, tagsOf(workflow), tagsOf(updated));
	}

	async #put(workflow: Workflow, { id }: ImportedWorkflow) {
		if (id === undefined) return undefined;
		const { api, activate = false, signal } = this.options;
		const { body } = importBody(workflow, false);
		// What the API is not given, it leaves as it was.
		const cleared = { pinData: null, nodeGroups: [], description: descriptionOf(workflow) };
		return await api.updateWorkflow(id, { ...cleared, ...body }, activate, signal);
	}

	#linked(workflow: Workflow): Workflow {
		return withReferences(workflow, (id) => this.plan.ids.get(id) ?? id);
	}

	/** Reads the side once more, along with the plan. */
	async #each(visit: (workflow: Workflow, result: ImportedWorkflow, index: number) => Promise<void>): Promise<void> {
		let index = 0;
		await this.options.side.each(async (original) => {
			const at = index++;
			const result = this.results[at];
			if (result?.name !== original.name) throw changedMeanwhile(this.options.side.name);
			if (result.action === 'failed') return;
			const { workflow } = this.applied(original);
			await this.#attempt(result, async () => await visit(workflow, result, at));
		}, this.options.signal);
	}

	/** A workflow that n8n refuses is told, and does not keep the others from being imported. */
	async #attempt(result: ImportedWorkflow, action: (id: string) => Promise<void>): Promise<void> {
		try {
			await action(result.id ?? '');
		} catch (error) {
			result.reason = refusalIn(error, this.options.signal);
			result.action = 'failed';
			result.activated = false;
		}
	}
}

function sameReferences(standing: Workflow, wanted: Workflow): boolean {
	return referencesOf(standing).join() === referencesOf(wanted).join();
}

function nothingChosen(name: string): BackupError {
	return new BackupError('INVALID_INPUT', `${name} holds none of the workflows that are chosen.`, {
		hint: 'Look at the names, tags, projects and states in Selection. Nothing was changed.',
	});
}

function changedMeanwhile(name: string): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `${name} does not hold what it held a moment ago.`, {
		hint: 'Something writes to it. Look at what was imported already, then import it again.',
	});
}

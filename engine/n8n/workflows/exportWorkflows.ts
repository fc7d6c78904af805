/**
 * Exports workflows into an archive. How they move: the names are listed first; then one workflow after the other is asked
 * for, some at once, written in the order of the ids, and forgotten. So memory holds the names, and a few workflows.
 */
import { Readable } from 'node:stream';

import { type ArchiveChoices, asBackUp, makeArchive, type Manifest, writeFrames } from '../../archive';
import { BackupError, listed, throwIfCancelled } from '../../errors';
import { aheadOf } from '../../parallel';
import type { N8nApi } from '../api';
import { BesideExport } from './beside/files';
import { type Chosen, chosenBy, describeChoice, UnfitParts, type WorkflowChoice } from './choice';
import { exportedForm, PUBLISHED } from './exported';
import { isDeeperThan, WORKFLOW_LIMITS } from './limits';
import { listWorkflows, type WorkflowName } from './list';
import { fileOf, type SeparateFile, tarOf } from './separate';
import { idOf, isActive, isArchived, type JsonObject, projectNamesOf } from './workflow';

/** `list`: one JSON array, as `n8n export:workflow --all`. `files`: a tar with a file a workflow, as `--backup`. */
export type ExportForm = 'list' | 'files';

/** Another one would make a tar without a word. @throws BackupError INVALID_INPUT */
function assertForm(form: string): void {
	if (form === 'list' || form === 'files') return;
	throw new BackupError('INVALID_INPUT', `"${String(form).slice(0, 40)}" is no form of an export.`, {
		hint: 'Use list or files.',
	});
}

export interface ExportWorkflowsOptions extends ArchiveChoices {
	api: N8nApi;
	/** Names the archive and the series; `workflows` by default. */
	name?: string;
	form?: ExportForm;
	/** Of `files`: whether data tables lie beside the workflows, with their rows. Default true. */
	dataTables?: boolean;
	/** All that the API key may read, by default. */
	choice?: WorkflowChoice;
	onProgress?: (progress: { workflows: number; of: number }) => void;
	log?: (line: string) => void;
}

/** Workflows asked for at once: n8n answers from one process, and a workflow may have many megabytes. */
const AT_ONCE = 4;
const KIND = 'n8n-workflows';

interface Counts {
	[name: string]: number;
	workflows: number;
	active: number;
	archived: number;
	nodes: number;
}

/**
 * Resolves with the manifest of the backup. Only what the API key may read is in it: of an owner or admin all workflows, of
 * anybody else their own.
 * @throws BackupError INVALID_INPUT where nothing is chosen, ACCESS_DENIED, SOURCE_*, CANCELLED; what makeArchive throws
 */
export async function exportWorkflows(options: ExportWorkflowsOptions): Promise<Manifest> {
	assertForm(options.form ?? 'list');
	const { api, name = 'workflows' } = options;
	return await asBackUp(options, { kind: KIND, name, origin: api.instance, isWhole: true }, storeWorkflows);
}

async function storeWorkflows(options: ExportWorkflowsOptions): Promise<Manifest> {
	const { api, name = 'workflows', form = 'list', choice = {}, signal, log = () => {} } = options;
	const startedAt = new Date();
	const isChosen = chosenBy(choice);
	const [only] = choice.projects ?? [];
	const projectId = choice.projects?.length === 1 ? only : undefined;
	const unfit = new UnfitParts(choice);
	const isTaken: Chosen = (workflow) => {
		const isMeant = isChosen(workflow);
		if (isMeant) unfit.see(workflow);
		return isMeant;
	};
	const list = await listWorkflows(api, isTaken, { projectId, signal });
	if (list.workflows.length === 0) throw nothingFound(api, choice);
	const warnings = [...list.warnings, ...(await unseen(api, choice, unfit.left, signal))];
	log(`Exports ${list.workflows.length} workflows from ${api.instance}`);
	const taken = new Taken();
	const extension = form === 'list' ? 'json' : 'tar';
	return await makeArchive(options, { name, kind: KIND, extension, startedAt }, async (writer) => {
		const workflows = taken.counted(wholeWorkflows(options, list.workflows, taken), list.workflows.length, options);
		const projects = () => taken.projects;
		const beside = new BesideExport({ api, projects, dataTables: options.dataTables ?? true, signal });
		if (form === 'list') await writeFrames(writer, 'workflows', listOf(workflows));
		else await writeFrames(writer, 'workflows', tarOf(filesOf(workflows, beside), startedAt));
		// Where all of them were deleted meanwhile, or none can be read back.
		if (taken.counts.workflows === 0) throw nothingExported(api, taken.warnings());
		const selection = describeChoice(choice);
		return {
			source: { system: 'n8n', version: 'unknown', server: api.instance },
			counts: { ...taken.counts, ...(form === 'files' && beside.counts) },
			...(selection.length > 0 && { partial: { content: 'all' as const, selection } }),
			options: { form },
			warnings: [...warnings, ...taken.warnings(), ...beside.warnings],
		};
	});
}

/** A workflow in the form of an export, and the same as JSON. */
interface Exported {
	workflow: JsonObject;
	json: string;
}

/**
 * The workflows in the form of an export, in the order of the names; those that are gone meanwhile, or could not be read back,
 * are left out.
 */
async function* wholeWorkflows(
	{ api, signal }: ExportWorkflowsOptions,
	names: readonly WorkflowName[],
	taken: Taken,
): AsyncGenerator<Exported> {
	const asked = aheadOf(Readable.from(names) as AsyncIterable<WorkflowName>, AT_ONCE, async ({ id }) => {
		throwIfCancelled(signal);
		const workflow = await api.workflow(id, signal);
		return workflow && (await exportedForm(api, workflow, signal));
	});
	for await (const [{ id, name }, workflow] of asked) {
		const json = workflow && readableJson(workflow);
		if (!workflow) taken.gone.push(name);
		else if (json === undefined) taken.unreadable.push(`${name} (${id})`);
		else yield { workflow, json };
	}
}

/** Undefined for what is larger or deeper than what is read back. */
function readableJson(workflow: JsonObject): string | undefined {
	if (isDeeperThan(workflow, WORKFLOW_LIMITS.depth)) return undefined;
	const json = JSON.stringify(workflow);
	return Buffer.byteLength(json) > WORKFLOW_LIMITS.element ? undefined : json;
}

async function* listOf(workflows: AsyncIterable<Exported>): AsyncGenerator<Uint8Array> {
	let before = '[';
	for await (const { json } of workflows) {
		yield Buffer.from(before + json);
		before = ',';
	}
	yield Buffer.from(before === '[' ? '[]' : ']');
}

async function* filesOf(workflows: AsyncIterable<Exported>, beside: BesideExport): AsyncGenerator<SeparateFile> {
	for await (const { workflow, json } of workflows) yield fileOf(workflow, json);
	yield* beside.files();
}

/** What has been written, for the manifest. */
class Taken {
	readonly counts: Counts = { workflows: 0, active: 0, archived: 0, nodes: 0 };
	readonly gone: string[] = [];
	/** Names, with ids. */
	readonly unreadable: string[] = [];
	/** Ids of the projects that workflows belong to. */
	readonly projects = new Set<string>();
	#published = 0;

	async *counted(
		workflows: AsyncIterable<Exported>,
		of: number,
		{ onProgress }: ExportWorkflowsOptions,
	): AsyncGenerator<Exported> {
		const { counts } = this;
		for await (const exported of workflows) {
			const { workflow } = exported;
			const { nodes } = workflow;
			counts.workflows++;
			for (const id of projectNamesOf(workflow).keys()) this.projects.add(id);
			if (isActive(workflow)) counts.active++;
			if (isArchived(workflow)) counts.archived++;
			if (Array.isArray(nodes)) counts.nodes += nodes.length;
			if (PUBLISHED in workflow) this.#published++;
			if (idOf(workflow) === undefined) throw new Error('A workflow of the API has no id.');
			yield exported;
			onProgress?.({ workflows: counts.workflows, of });
		}
	}

	warnings(): string[] {
		const { length } = this.gone;
		const gone = `${length} ${length === 1 ? 'workflow was' : 'workflows were'} deleted while the export ran, and left out.`;
		const published = `Of ${this.#published} workflows another version is published than the one that is edited. The backup holds both; n8n import:workflow takes the edited one.`;
		return [
			...(length > 0 ? [gone] : []),
			...(this.unreadable.length > 0 ? [unreadable(this.unreadable)] : []),
			...(this.#published > 0 ? [published] : []),
		];
	}
}

function unreadable(names: readonly string[]): string {
	const { element, depth } = WORKFLOW_LIMITS;
	const what = names.length === 1 ? 'One workflow is' : `${names.length} workflows are`;
	return `${what} not in the backup, for nothing could read it back: larger than ${element / 1024 ** 2} MiB, or values inside of values deeper than ${depth} levels: ${listed(names)}.`;
}

/** What may be missing although it exists. */
async function unseen(
	api: N8nApi,
	{ ids = [], names = [] }: WorkflowChoice,
	unfit: readonly string[],
	signal: AbortSignal | undefined,
): Promise<string[]> {
	const warnings =
		unfit.length > 0 ? [`Nothing was found for a part of what is chosen: ${unfit.slice(0, 20).join(', ')}.`] : [];
	// Of ids alone, each is accounted for.
	if ((ids.length > 0 && names.length === 0) || (await api.seesAll(signal))) return warnings;
	return [
		...warnings,
		'Nothing proves that the API key sees all workflows: it sees those of its user, unless that is an owner or an admin. Use a key of one, with the scope user:list, which nobody else can have.',
	];
}

function nothingExported(api: N8nApi, reasons: readonly string[]): BackupError {
	return new BackupError('SOURCE_FAILED', `No workflow of ${api.server} could be exported. ${reasons.join(' ')}`);
}

function nothingFound(api: N8nApi, choice: WorkflowChoice): BackupError {
	const isAll = describeChoice(choice).length === 0;
	return new BackupError(
		isAll ? 'SOURCE_FAILED' : 'INVALID_INPUT',
		isAll ? `The API key sees no workflow at ${api.server}.` : `No workflow at ${api.server} is one of those chosen.`,
		{
			hint: isAll
				? 'It sees what its user may see. Use a key of the owner or an admin, unless that n8n is empty.'
				: 'Look at the names, tags, projects and states that are asked for.',
		},
	);
}

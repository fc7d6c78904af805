/**
 * Tars of the folder that `n8n export:workflow --separate` or `--backup` has made: each file is JSON, and holds a workflow. Beside them may lie what
 * `n8n export:credentials` makes in the same way, which is counted and not looked into.
 */
import type { CheckedFile, TarFormat, TarInspection } from '../../../verify/system';
import { TarCopy } from '../../../verify/tarCopy';
import type { CheckContext } from '../../../verify/types';
import { BESIDE } from '../beside/layout';
import { readWorkflows, type ReadFile } from '../read';
import { FOUND_AT_MOST, workflowsFile } from './files';
import { WorkflowJudge } from './problems';

export const workflowsFolder: TarFormat = {
	form: workflowsFile.form,
	inspect: (context) => new FolderInspection(context),
};

type Told = Parameters<CheckContext['found']>[0];

class FolderInspection implements TarInspection<never> {
	readonly #copy = new TarCopy();
	readonly #told: Told[] = [];
	readonly #read: Promise<ReadFile | undefined>;

	constructor(private readonly context: CheckContext) {
		this.#read = this.#readAll();
	}

	/** Any other file shows that it is another tar, of which nothing more is read here. */
	member(name: string, type: string): void {
		const isOwn = type === 'file' && (name.endsWith('.json') || name.startsWith(BESIDE));
		if (!isOwn && type !== 'directory') this.#copy.close();
	}

	async take(chunk: Uint8Array): Promise<void> {
		await this.#copy.take(chunk);
	}

	async finish(): Promise<CheckedFile<never> | undefined> {
		this.#copy.end();
		const read = await this.#read;
		if (!read || read.workflows === 0) return undefined;
		for (const finding of this.#told) this.context.found(finding);
		const { workflows, others } = read;
		return { counts: { workflows, ...(others > 0 && { others }) } };
	}

	close(): void {
		this.#copy.close();
	}

	/** Undefined where it is another tar. */
	async #readAll(): Promise<ReadFile | undefined> {
		const judge = new WorkflowJudge();
		const tell = (finding: Told) => {
			if (this.#told.length < FOUND_AT_MOST) this.#told.push(finding);
		};
		try {
			return await readWorkflows(
				{ name: 'The file', open: () => this.#copy.stream },
				(workflow, part) => {
					for (const problem of judge.judge(workflow, false)) tell({ ...problem, part });
				},
				{
					signal: this.context.signal,
					onProblem: (part, message) => tell({ severity: 'error', part, message }),
				},
			);
		} catch {
			// What is wrong with the tar itself, its walk finds as well.
			return undefined;
		}
	}
}

/**
 * Reads the workflows of a file: our own archives, what `n8n export:workflow` makes (--all: one array; --separate and --backup:
 * a file a workflow, here in a tar), and what Download in the editor gives: one object. They are handed out one at a time.
 */
import { Readable } from 'node:stream';

import { BackupError } from '../../errors';
import { HEAD_BYTES } from '../../archive';
import { ByteCursor, EndedEarly } from '../../archive/cursor';
import { peek } from '../../storage/peek';
import { isTar, TarDamage, walkTar } from '../../tar';
import { BESIDE } from './beside/layout';
import { type BesideVisitor, readBesideFile } from './beside/read';
import { WORKFLOW_LIMITS } from './limits';
import { splitJson } from './split';
import { asWorkflow, seemsWorkflow, type Workflow } from './workflow';

/** A file with workflows, without compression and encryption around it; it may be read several times. */
export interface WorkflowFile {
	/** For messages. */
	name: string;
	open: (signal?: AbortSignal) => AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
}

export interface ReadOptions {
	signal?: AbortSignal | undefined;
	beside?: BesideVisitor | undefined;
	onProblem?: (place: string, problem: string) => void;
}

/** What is told of an element that does not even seem to be a workflow. */
export const NO_WORKFLOW = 'It is no workflow.';

export interface ReadFile {
	workflows: number;
	/** Members of a tar, and elements of a list, that are no workflows. */
	others: number;
}

/**
 * @param visit Called for each workflow in the order of the file, and awaited. `place` says where it stands: `workflow 3`.
 * @param beside Gets what lies beside the workflows in a tar of ours; without it, that is passed over.
 * @param onProblem Called for what seems to be a workflow and is none that can be used; without it, that ends the reading.
 * @throws BackupError INVALID_INPUT (no such file), ARCHIVE_CORRUPT, ARCHIVE_INCOMPLETE, CANCELLED; what `open` and `visit` throw
 */
export async function readWorkflows(
	file: WorkflowFile,
	visit: (workflow: Workflow, place: string) => void | Promise<void>,
	{ signal, beside, onProblem }: ReadOptions = {},
): Promise<ReadFile> {
	const read: ReadFile = { workflows: 0, others: 0 };
	const { head, whole } = await peek(await file.open(signal), HEAD_BYTES, signal);
	const take = async (value: unknown, place: string, isFile: boolean) => {
		const workflow = asWorkflow(value);
		if (workflow) {
			read.workflows++;
			await visit(workflow, place);
			return;
		}
		read.others++;
		const problem = seemsWorkflow(value)
			? 'It is a workflow whose name, nodes or connections cannot be read.'
			: undefined;
		if (problem === undefined && isFile) return;
		const told = problem ?? NO_WORKFLOW;
		if (!onProblem) throw damaged(file.name, place, told);
		onProblem(place, told);
	};
	const onOther = () => void read.others++;
	const onBroken = (path: string, error: BackupError) => {
		if (!onProblem) throw error;
		onOther();
		onProblem(path, 'It is not valid JSON to its end.');
	};
	try {
		assertNoZip(head, file.name);
		if (isTar(head)) await readTar(whole, file.name, { take, onOther, onBroken, beside });
		else {
			let index = 0;
			for await (const json of splitJson(whole, file.name, WORKFLOW_LIMITS)) {
				await take(parsed(json, file.name), `workflow ${++index}`, false);
			}
		}
	} finally {
		await whole.return?.();
	}
	return read;
}

interface TarVisitor {
	take: (value: unknown, place: string, isFile: boolean) => Promise<void>;
	onOther: () => void;
	/** @throws its error, where nobody is to be told of it */
	onBroken: (path: string, error: BackupError) => void;
	beside: BesideVisitor | undefined;
}

async function readTar(
	source: AsyncIterable<Uint8Array>,
	name: string,
	{ take, onOther, onBroken, beside }: TarVisitor,
): Promise<void> {
	const cursor = new ByteCursor(source);
	try {
		await walkTar(
			cursor,
			async (member, content) => {
				const path = member.name.replace(/^\.\//, '');
				if (path.startsWith(BESIDE)) return beside && (await readBesideFile(path, member, content, beside));
				if (member.type !== 'file' || !path.endsWith('.json')) return;
				if (member.storedSize !== member.size || member.size > WORKFLOW_LIMITS.element) {
					throw new BackupError('INVALID_INPUT', `${name} holds a file that is too large to be a workflow.`, {
						hint: 'Choose a tar of the folder that n8n export:workflow --separate has made.',
					});
				}
				const { objects, error } = await objectsIn(await content.take(member.size), path);
				for (const [index, object] of objects.entries()) {
					await take(object, objects.length === 1 ? path : `${path}, workflow ${index + 1}`, true);
				}
				if (error) onBroken(path, error);
				else if (objects.length === 0) onOther();
			},
			{ dialect: 'any', joined: true },
		);
	} catch (error) {
		if (error instanceof EndedEarly) {
			throw new BackupError('ARCHIVE_INCOMPLETE', `The tar ${name} ends too early.`, {
				cause: error,
				hint: 'The file was cut off. Fetch it again, or choose another one.',
			});
		}
		if (!(error instanceof TarDamage)) throw error;
		throw new BackupError('ARCHIVE_CORRUPT', `The tar ${name} ${error.message}.`, {
			cause: error,
			hint: 'Do not rely on it. Fetch it again, or choose another one.',
		});
	}
}

/** How a file begins that can hold workflows. */
const BEGINS_WITH_OBJECT = /^(?:\xef\xbb\xbf)?\s*(?:\[\s*)?\{/;

/**
 * The objects that a file of a tar holds: one, or those of a list. None where it holds other JSON, and so no workflow; with an error where it
 * begins with workflows and cannot be read to its end.
 */
async function objectsIn(content: Uint8Array, path: string): Promise<{ objects: unknown[]; error?: BackupError }> {
	const objects: unknown[] = [];
	if (!BEGINS_WITH_OBJECT.test(Buffer.from(content.subarray(0, HEAD_BYTES)).toString('latin1'))) return { objects };
	try {
		for await (const object of splitJson(Readable.from([content]), path, WORKFLOW_LIMITS)) {
			objects.push(parsed(object, path));
		}
	} catch (error) {
		if (!(error instanceof BackupError)) throw error;
		// Such as rows of a table, one a line.
		if (error.code === 'INVALID_INPUT' && objects.length > 0 && !objects.some(seemsWorkflow)) return { objects: [] };
		return { objects, error };
	}
	return { objects };
}

/**
 * Facts of 2.41.3: `n8n export:entities` makes `entities.zip` with a file `<table>.jsonl` for each table.
 * @throws BackupError INVALID_INPUT for a zip, with what takes it
 */
function assertNoZip(head: Buffer, name: string): void {
	if (head.toString('latin1', 0, 4) !== 'PK\x03\x04') return;
	throw new BackupError('INVALID_INPUT', `${name} is a zip file.`, {
		hint: 'If n8n export:entities has made it, it holds tables of the database, and n8n import:entities takes it. Of other zip files, unpack the JSON.',
	});
}

function parsed(json: Buffer, name: string): unknown {
	try {
		return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json)) as unknown;
	} catch {
		// The parser's own message quotes the content.
		throw new BackupError('ARCHIVE_CORRUPT', `${name} is not valid JSON to its end.`, {
			hint: 'It was damaged or edited. Fetch it again, or choose another one.',
		});
	}
}

function damaged(name: string, place: string, problem: string): BackupError {
	return new BackupError('INVALID_INPUT', `${name} cannot be used, because of ${place}: ${problem}`, {
		hint: 'Choose a file that Export has made, n8n export:workflow, or Download in the editor of n8n.',
	});
}

/**
 * How operations reach the journal of the storage: what they are is said where they are described (`Operation.journal`), what
 * a run is about as soon as it is known (`eventOf(context, item).tell`). nodes/shared/operation.ts writes it down when the
 * run has ended, however it ended. A journal that cannot be written is told by a hint: it makes no run fail, and hides no error.
 */
import type { IExecuteFunctions } from 'n8n-workflow';

import {
	BackupError,
	type ErrorCode,
	type EventAction,
	type EventContent,
	type EventOutcome,
	type Manifest,
	keyIn,
	messageOf,
	noteEvent,
	refreshLog,
	type Storage,
} from '../../engine';

import { refusesAsRun } from './descriptions/dryRun';
import { requestedByOf } from './descriptions/requestedBy';
import { showWarnings } from './hints';
import { whileFollowed } from './liveRun';
import { openStorage, openStorageForNotes } from './storage';

/** What an operation is, for the journal. */
export interface Journaled {
	action: EventAction;
	/** The kind of what it is about, where that is always the same. */
	kind?: string;
	/** Whether a run changes nothing, and is not noted; unless it is to refuse what a run would refuse, and does. */
	isDryRun?: (context: IExecuteFunctions, item: number) => boolean;
	/** Whether only what did not succeed is noted. */
	onlyProblems?: boolean;
}

/** What is known of a run. */
export interface EventFacts extends Pick<
	EventContent,
	'kind' | 'name' | 'server' | 'backupId' | 'file' | 'from' | 'to' | 'size' | 'summary' | 'startedAt' | 'endedAt'
> {
	/** What is read from or written to on the server: `database shop`. */
	place?: string;
}

type Facts = Partial<EventFacts>;

/** One of several things that a run is about. */
interface Part {
	facts: Facts;
	/** Undefined where it succeeded. */
	error: unknown;
}

/** What is to be noted of the run of one incoming item. */
export class RunNotes {
	readonly facts: Facts = {};
	readonly parts: Part[] = [];

	/** What the run is about, as far as it is known; what is told later adds to it. */
	tell(facts: Facts): void {
		Object.assign(this.facts, facts);
	}

	/** Of several things, one that went well. */
	succeeded(facts: Facts): void {
		this.parts.push({ facts, error: undefined });
	}

	/** Of several things, one that did not. */
	failed(facts: Facts, error: unknown): void {
		this.parts.push({ facts, error });
	}

	/** A backup that was made. @param folder in the storage */
	made({ id, kind, name, file, size, startedAt, finishedAt }: Manifest, folder: string): void {
		this.succeeded({
			kind,
			name,
			backupId: id,
			file: keyIn(folder, file),
			size: size.stored,
			startedAt,
			endedAt: finishedAt,
		});
	}

	/** A backup that is read. @param key undefined where it does not lie in the storage */
	reads(manifest: Pick<Manifest, 'id' | 'kind' | 'name'> | undefined, key: string): void {
		const { id, kind, name } = manifest ?? {};
		this.tell({ file: key, ...(id !== undefined && { backupId: id, kind, name }) });
	}
}

/** The notes of the runs of each node, by the incoming item. */
const notes = new WeakMap<object, Map<number, RunNotes>>();

/** What is to be noted of a run; outside of a run (a list in the editor) nothing is. */
export function eventOf(context: object, item: number): RunNotes {
	const ofNode = notes.get(context) ?? new Map<number, RunNotes>();
	notes.set(context, ofNode);
	const known = ofNode.get(item) ?? new RunNotes();
	ofNode.set(item, known);
	return known;
}

/**
 * Runs an operation for one incoming item, and notes how it ended.
 * @throws what the operation throws
 */
export async function journaled<T>(
	context: IExecuteFunctions,
	item: number,
	operation: { journal?: Journaled },
	run: () => Promise<T>,
): Promise<T> {
	const { journal } = operation;
	if (!journal) return await run();
	if (isDryRun(journal, context, item)) {
		if (!refusesAsRun(context, item)) return await run();
		return await noted(context, item, { ...journal, onlyProblems: true, isCheck: true }, run);
	}
	const { kind } = journal;
	const { facts } = eventOf(context, item);
	const about = {
		get kind() {
			return facts.kind ?? kind ?? '';
		},
		get name() {
			return facts.name ?? facts.file ?? '';
		},
	};
	// From the first moment until the entry is there, so that whoever waits for it never sees nothing at all.
	return await whileFollowed(context, item, { action: journal.action, about }, async () => {
		return await noted(context, item, journal, run);
	});
}

async function noted<T>(
	context: IExecuteFunctions,
	item: number,
	journal: Ended['journal'],
	run: () => Promise<T>,
): Promise<T> {
	const startedAt = new Date();
	let requestedBy = '';
	const running = (async () => {
		requestedBy = requestedByOf(context, item);
		return await run();
	})();
	const failure = await running.then(
		() => undefined,
		(error: unknown) => ({ error }),
	);
	await note(context, item, { journal, startedAt, requestedBy, ...failure });
	return await running;
}

interface Ended {
	/** `isCheck`: nothing was to be done, so whatever was thrown has only refused it. */
	journal: Journaled & { isCheck?: boolean };
	startedAt: Date;
	/** Empty where nobody says so. */
	requestedBy: string;
	error?: unknown;
}

async function note(context: IExecuteFunctions, item: number, ended: Ended): Promise<void> {
	const { facts, parts } = eventOf(context, item);
	notes.get(context)?.delete(item);
	const isError = 'error' in ended;
	// An error that only sums up those of the parts is none of its own.
	const isToldByParts = parts.some(({ error }) => error !== undefined);
	const own: Part[] = (isError ? !isToldByParts : parts.length === 0) ? [{ facts: {}, error: ended.error }] : [];
	const all = [...parts, ...own].filter(({ error }) => error !== undefined || !ended.journal.onlyProblems);
	if (all.length === 0) return;
	try {
		const storage = await openStorageForNotes(context, item);
		if (!storage) return;
		try {
			const events = all.map(({ facts: own, error }) =>
				eventFrom(context, item, storage, ended, { ...facts, ...own }, error),
			);
			for (const event of events) await noteEvent(storage, event);
			// A bucket's log is made of its journal now and then; Backup Report does it as well.
			if (ended.journal.action === 'prune') await refreshLog(storage);
		} finally {
			(storage as { close?: () => void }).close?.();
		}
	} catch (cause) {
		const warning = `The journal of the storage has no entry of this run: ${messageOf(cause)}`;
		context.logger.warn(warning);
		if (!isError) showWarnings(context, [warning]);
	}
}

function eventFrom(
	context: IExecuteFunctions,
	item: number,
	storage: Storage,
	{ journal, startedAt, requestedBy }: Ended,
	{ place, ...facts }: Facts,
	error: unknown,
): EventContent {
	const { action } = journal;
	const system = [place, facts.server].filter((part) => part !== undefined).join(' at ');
	const ends = endsOf(action, system, storage.description);
	const known = error === undefined ? undefined : cancelledOr(context, error);
	const event: EventContent = {
		...(journal.kind !== undefined && { kind: journal.kind }),
		...ends,
		...(action === 'restore' || action === 'import' ? namedBackup(context, item) : {}),
		startedAt: startedAt.toISOString(),
		endedAt: new Date().toISOString(),
		...facts,
		action,
		outcome: known === undefined ? 'succeeded' : outcomeOf(journal, known.code),
		...(known && { error: known }),
		requestedBy,
		execution: executionOf(context),
	};
	return withoutEmpty(event);
}

function withoutEmpty(event: EventContent): EventContent {
	return Object.fromEntries(Object.entries(event).filter(([, value]) => value !== '')) as EventContent;
}

/** Where from and where to, unless the operation has said so itself. */
function endsOf(action: EventAction, system: string, storage: string): Pick<EventContent, 'from' | 'to'> {
	if (action === 'backUp') return { from: system, to: storage };
	if (action === 'restore' || action === 'import') return { from: storage, to: system };
	return action === 'delete' ? { from: system } : { from: storage };
}

/** What a run was to restore that was refused before it was looked for. */
function namedBackup(context: IExecuteFunctions, item: number): Pick<EventContent, 'file'> {
	// Not every restore has the field, and n8n throws where it is asked for one without a value to take instead.
	const locator: unknown = context.getNodeParameter('backup', item, '');
	const { value } = Object(locator) as { value?: unknown };
	return typeof value === 'string' && value !== '' ? { file: value } : {};
}

/** What says that something was not allowed, or not as it was asked for, and that nothing was begun. */
const REFUSALS: ReadonlySet<string> = new Set<ErrorCode>([
	'ACCESS_DENIED',
	'INVALID_INPUT',
	'KEY_MISSING',
	'KEY_WRONG',
	'NOT_AUTHENTIC',
	'NOT_CONFIRMED',
	'STORAGE_DENIED',
	'STORAGE_LOCKED',
	'TARGET_EXISTS',
]);
/** What is to be there and is not, whatever kept it from being made, has failed; unless another run is at it. */
const DUE: readonly EventAction[] = ['backUp', 'verify', 'drill'];

function outcomeOf({ action, isCheck = false }: Ended['journal'], code: string | undefined): EventOutcome {
	if (code === 'CANCELLED') return 'cancelled';
	if (isCheck) return 'refused';
	const isRefused = DUE.includes(action) ? code === 'STORAGE_LOCKED' : code !== undefined && REFUSALS.has(code);
	return isRefused ? 'refused' : 'failed';
}

/** Code and message of what was thrown; a wrapped error of ours as itself. */
function cancelledOr(context: IExecuteFunctions, error: unknown): { code?: string; message: string } {
	const known = error instanceof BackupError ? error : undefined;
	if (context.getExecutionCancelSignal()?.aborted) return { code: 'CANCELLED', message: messageOf(error) };
	return { ...(known && { code: known.code }), message: messageOf(error) };
}

function executionOf(context: IExecuteFunctions): NonNullable<EventContent['execution']> {
	const { id: workflowId, name: workflowName } = context.getWorkflow();
	const facts = {
		id: context.getExecutionId(),
		mode: context.getMode(),
		workflowId,
		workflowName,
		nodeName: context.getNode().name,
	};
	return Object.fromEntries(Object.entries(facts).filter(([, value]) => typeof value === 'string'));
}

/** What a workflow refuses by itself, before any operation is asked. */
export type RefusedByWorkflow = Pick<EventContent, 'action' | 'kind' | 'name' | 'requestedBy' | 'error'>;

/** @throws BackupError as the storage throws: whoever notes a refusal has nothing else to do */
export async function noteRefusedByWorkflow(
	context: IExecuteFunctions,
	item: number,
	refused: RefusedByWorkflow,
): Promise<void> {
	const now = new Date().toISOString();
	// Somebody waits for an answer: an outage is not waited out.
	const storage = (await openStorageForNotes(context, item)) ?? (await openStorage(context, item));
	const facts = { ...refused, from: storage.description, outcome: 'refused' as const };
	const event = { ...facts, startedAt: now, endedAt: now, execution: executionOf(context) };
	const signal = context.getExecutionCancelSignal();
	await noteEvent(storage, withoutEmpty(event), signal);
}

/** What cannot be told is judged when the operation reads its fields. */
function isDryRun(journal: Journaled, context: IExecuteFunctions, item: number): boolean {
	try {
		return journal.isDryRun?.(context, item) ?? false;
	} catch {
		return false;
	}
}

/** An address without the user and the password that it may hold. */
export function withoutLogin(address: string): string {
	return address
		.trim()
		.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1')
		.replace(/[?#].*$/s, '');
}

/** A back up, a restore or a verification as a run that others can see: what it has moved so far, and that it is the only one of its kind. */
import type { Storage } from '../../storage/storage';
import { type Clock, systemClock } from '../../storage/clock';
import { gatedStorage } from '../../storage/gate';
import { latestKey, usualFolder } from '../naming';
import { partOf } from '../series';
import type { BackupKind, PartialBackup } from '../manifest/manifest';
import { Meter, whileBeating } from './heartbeat';
import { oneAtATime, type IfRunning } from './one-at-a-time';
import type { RunAction, RunRecord } from './running';

/** Who runs it, and how. */
export interface RunControl {
	/** For people who look what is running, and for the messages of other runs. No secrets. */
	workflow: string;
	workflowId?: string;
	execution: string;
	/** What to do where a back up of the same series is running; default `wait`. */
	ifRunning?: IfRunning;
	/** How long to wait for it, in milliseconds; default half an hour. */
	waitMs?: number;
	/** Called every half minute, the first time after some seconds. */
	onBeat?: (record: RunRecord) => void;
	/** Takes what people should know, whole sentences. */
	notice?: (sentence: string) => void;
	/** Default the system's. */
	clock?: Clock;
}

export const USUAL_WAIT_MS = 30 * 60 * 1000;

/** Of the choices of a system, what a run is made of. */
export interface RunChoices {
	storage: Storage;
	folder?: string | undefined;
	signal?: AbortSignal | undefined;
	/** Undefined for one that nobody is to see. */
	run?: RunControl | undefined;
	/** Called before something is committed that only one run may commit; throws where another one has taken over. */
	beforeCommit?: (() => Promise<void>) | undefined;
}

/** Who holds a lock, for the messages of others: `the workflow "Nightly", execution 17`. */
export function ownerOf({ workflow, execution }: Pick<RunControl, 'workflow' | 'execution'>): string {
	return `the workflow "${workflow}", execution ${execution}`;
}

export interface BackUpOf {
	kind: BackupKind;
	name: string;
	/** The server, or what else tells its series from others of that name: see series.ts. */
	origin: string;
	/** Whether each backup is about as large as the whole one before; not so where one goes on from the other. */
	isWhole: boolean;
	/**
	 * What it is limited to, where each backup stands for itself: then one of another part is made meanwhile. Not where one goes on
	 * from the other, whatever either leaves out.
	 */
	partial?: PartialBackup | undefined;
}

/**
 * Runs a back up: the only one of its series, as `choices.run` asks for it, with signs of life in the storage.
 * @param work is given the choices to go on with
 * @throws BackupError STORAGE_LOCKED, CANCELLED, and what the work throws
 */
export async function asBackUp<C extends RunChoices, T>(
	choices: C,
	{ kind, name, origin, isWhole, partial }: BackUpOf,
	work: (choices: C) => Promise<T>,
): Promise<T> {
	const { run, storage, signal, folder = usualFolder(kind) } = choices;
	if (!run) return await work(choices);
	// Nobody else sees what it makes: another run has nothing to wait for.
	if (storage.isOneRuns) {
		const about = { storage, run, action: 'backUp', kind, name } as const;
		return await asRun(about, async (metered) => await work({ ...choices, storage: metered }));
	}
	const { ifRunning = 'wait', waitMs = USUAL_WAIT_MS, notice = () => {}, clock = systemClock } = run;
	const series = { kind, name, origin, folder, part: partOf(partial) };
	const options = { ifRunning, waitMs, owner: ownerOf(run), notice, clock, signal };
	return await oneAtATime(storage, series, options, async (whileHeld, beforeCommit) => {
		const total = async () => (isWhole && !partial ? await lastSize(storage, folder, name) : undefined);
		return await asRun({ storage, run, action: 'backUp', kind, name, total }, async (metered) => {
			return await work({ ...choices, storage: metered, signal: whileHeld, beforeCommit });
		});
	});
}

export interface RunOf {
	storage: Storage;
	run: RunControl | undefined;
	action: RunAction;
	/** Empty where it is about several. */
	kind: string;
	name: string;
	/** Bytes that it will read or write, where that is known; asked late. */
	total?: () => Promise<number | undefined>;
}

/**
 * Runs what others need not be kept from, with signs of life in the storage; where that is no place of others, in the log alone.
 * @param work is given the storage to go on with
 */
export async function asRun<T>(
	{ storage, run, action, kind, name, total = () => Promise.resolve(undefined) }: RunOf,
	work: (storage: Storage) => Promise<T>,
): Promise<T> {
	if (!run) return await work(storage);
	const { workflow, workflowId, execution, onBeat, clock = systemClock } = run;
	const meter = new Meter();
	const about = { action, kind, name, workflow, ...(workflowId !== undefined && { workflowId }), execution };
	const place = storage.isOneRuns ? undefined : storage;
	return await whileBeating({ storage: place, meter, about, total, onBeat, clock }, async () => {
		return await work(gatedStorage(storage, meter));
	});
}

/** Bytes of the newest backup of a name; undefined where there is none. */
async function lastSize(storage: Storage, folder: string, name: string): Promise<number | undefined> {
	const newest = await storage.readLatest(latestKey(folder, name));
	return newest === undefined ? undefined : (await storage.stat(newest))?.size;
}

/**
 * A restore or an import that somebody may wait for: it gives signs of life from its first moment until its entry in the journal
 * is written, so whoever asks for it by its execution (List Runs) always finds the one or the other. Where the storage cannot be
 * written to, it runs without.
 */
import type { IExecuteFunctions } from 'n8n-workflow';

import { type EventAction, gatedStorage, Meter, oneLine, type Storage, systemClock, whileBeating } from '../../engine';

import { workflowOf } from './lockOwner';
import { beatText } from './progress';
import { openUnlimitedStorage, STORAGE_CREDENTIAL } from './storage';

type Total = () => Promise<number | undefined>;

/** The run of one incoming item. */
class FollowedRun {
	readonly meter = new Meter();
	total: Total = () => Promise.resolve(undefined);

	/** Whether n8n's log is told by the signs, and not by the run itself. */
	tellsLog = false;

	/** The storage to restore from; what comes from it is what the signs tell. @param total bytes that it will be */
	measured(storage: Storage, total: Total | undefined, tellsLog: boolean): Storage {
		this.tellsLog = tellsLog;
		if (total) this.total = total;
		return gatedStorage(storage, this.meter);
	}
}

const runs = new WeakMap<object, Map<number, FollowedRun>>();

/** The run of an item, where it is one that somebody may wait for. */
export function followedRun(context: object, item: number): FollowedRun | undefined {
	return runs.get(context)?.get(item);
}

export interface FollowedAbout {
	action: EventAction;
	/** Read at each sign. */
	about: { readonly kind: string; readonly name: string };
}

/** @throws what the work throws */
export async function whileFollowed<T>(
	context: IExecuteFunctions,
	item: number,
	{ action, about }: FollowedAbout,
	work: () => Promise<T>,
): Promise<T> {
	const storage = action === 'restore' || action === 'import' ? await storageOf(context, item) : undefined;
	if (!storage) return await work();
	const run = new FollowedRun();
	const ofNode = runs.get(context) ?? new Map<number, FollowedRun>();
	runs.set(context, ofNode.set(item, run));
	const title = oneLine(context.getNode().name);
	const told = {
		action: 'restore' as const,
		get kind() {
			return about.kind;
		},
		get name() {
			return about.name;
		},
		workflow: workflowOf(context),
		workflowId: String(context.getWorkflow().id),
		execution: context.getExecutionId(),
	};
	try {
		return await whileBeating(
			{
				storage,
				meter: run.meter,
				about: told,
				total: () => run.total(),
				isAwaited: true,
				onBeat: (record) => {
					if (run.tellsLog) context.logger.info(`${title}: ${beatText(record)}`);
				},
				clock: systemClock,
			},
			work,
		);
	} finally {
		ofNode.delete(item);
	}
}

/** Undefined where the node has none: its credential is not asked for, or not selected, or wrong, which the run itself will tell. */
async function storageOf(context: IExecuteFunctions, item: number): Promise<Storage | undefined> {
	if (context.getNode().credentials?.[STORAGE_CREDENTIAL] === undefined) return undefined;
	return await openUnlimitedStorage(context, item, STORAGE_CREDENTIAL).catch(() => undefined);
}

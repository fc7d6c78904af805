import type { IExecuteFunctions } from 'n8n-workflow';

import {
	asRun,
	BackupError,
	IF_RUNNING,
	type IfRunning,
	type LockWait,
	oneLine,
	type RunAction,
	type RunControl,
	type Storage,
	USUAL_WAIT_MS,
} from '../../engine';

import { type Fields, numberIn } from './fields';
import { showWarnings } from './hints';
import { followedRun } from './liveRun';
import { workflowOf } from './lockOwner';
import { beatText } from './progress';

const MINUTE_MS = 60_000;
const LABEL = 'If This Is Running Already';

/** How often people are told how far a run is: by the lines of its signs of life, or by lines of its own. */
export type ProgressLines = 'ofRun' | 'own';

/** What the options of descriptions/running.ts ask for, for a back up. @throws BackupError INVALID_INPUT */
export function backUpControl(context: IExecuteFunctions, options: Fields, lines: ProgressLines): RunControl {
	const { logger } = context;
	return {
		...runControl(context, lines),
		ifRunning: choiceIn(options, 'ifRunning', IF_RUNNING),
		waitMs: waitIn(options),
		notice: (sentence) => {
			logger.warn(`${titleOf(context)}: ${sentence}`);
			context.sendMessageToUI(sentence);
			showWarnings(context, [sentence]);
		},
	};
}

/** How long a mirror waits for another one into its target. @throws BackupError INVALID_INPUT */
export function mirrorWait(context: IExecuteFunctions, options: Fields): LockWait {
	const isWaiting = choiceIn(options, 'ifMirroring', ['refuse', 'wait']) === 'wait';
	return {
		waitMs: isWaiting ? waitIn(options) : 0,
		onWait: ({ message }) => {
			context.logger.warn(`${titleOf(context)}: waiting: ${message}`);
			context.sendMessageToUI(`Waiting: ${message}`);
		},
	};
}

/** What others are to see of a run that is no back up. */
export interface VisibleRun {
	action: Exclude<RunAction, 'backUp'>;
	/** Empty where it is about several. */
	kind: string;
	name: string;
	/** Bytes that it will move, where that is known; asked after some seconds. */
	total?: () => Promise<number | undefined>;
}

/**
 * Runs a restore, a verification or a copy with signs of life in the storage and in n8n's log.
 * @param use is given the storage to go on with
 * @param lines `own` where the run tells the log by itself
 */
export async function whileVisible<T>(
	context: IExecuteFunctions,
	item: number,
	storage: Storage,
	about: VisibleRun,
	use: (storage: Storage) => Promise<T>,
	lines: ProgressLines = 'ofRun',
): Promise<T> {
	const followed = followedRun(context, item);
	if (followed) return await use(followed.measured(storage, about.total, lines === 'ofRun'));
	return await asRun({ ...about, storage, run: runControl(context, lines) }, use);
}

function runControl(context: IExecuteFunctions, lines: ProgressLines): RunControl {
	const onBeat: RunControl['onBeat'] = (record) => context.logger.info(`${titleOf(context)}: ${beatText(record)}`);
	return {
		workflow: workflowOf(context),
		workflowId: context.getWorkflow().id,
		execution: context.getExecutionId(),
		...(lines === 'ofRun' && { onBeat }),
	};
}

/** The node's name, which its user may have given it. */
function titleOf(context: IExecuteFunctions): string {
	return oneLine(context.getNode().name);
}

function choiceIn<T extends IfRunning>(options: Fields, name: string, choices: readonly T[]): T | 'wait' {
	if (!Object.hasOwn(options, name)) return 'wait';
	const value = options[name];
	const chosen = choices.find((choice) => choice === value);
	if (chosen) return chosen;
	throw new BackupError('INVALID_INPUT', `${LABEL} is ${(JSON.stringify(value) ?? typeof value).slice(0, 40)}.`, {
		hint: `Give one of ${choices.join(', ')}.`,
	});
}

function waitIn(options: Fields): number {
	const usual = USUAL_WAIT_MS / MINUTE_MS;
	return numberIn(options, 'waitAtMost', usual, 'Wait at Most (Minutes)', { min: 1, max: 10_000 }) * MINUTE_MS;
}

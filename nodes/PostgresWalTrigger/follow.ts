/** The trigger's two ways to run: as long as its workflow is active, and once for a test of the step. */
import type { INodeExecutionData, ITriggerFunctions, ITriggerResponse } from 'n8n-workflow';

import { archiveWal, BackupError, followWal, keyIn, type PostgresConnection } from '../../engine';
import { toNodeError } from '../shared/errors';
import { withPostgres } from '../shared/postgresConnection';
import { runContext } from './runContext';
import { triggerSettings } from './settings';
import { gapItem, storedItem } from './storedItem';

/** Half a minute of failures with growing pauses: what is over by then is told n8n's log alone. */
const FAILURES_TOLD = 6;

type Settings = Awaited<ReturnType<typeof triggerSettings>>;

/** Archives up to the present, once, and hands out what was stored. @throws NodeOperationError */
export async function runOnce(trigger: ITriggerFunctions, signal: AbortSignal): Promise<void> {
	const context = runContext(trigger, signal);
	try {
		const settings = await triggerSettings(context);
		const { archive, isSimple, connectTimeout } = settings;
		const report = await withPostgres(context, 0, { connectTimeout }, async (connection) => {
			return await archiveWal({ ...archive, connection, signal });
		});
		const gaps = report.gaps.map((gap) => gapItem(report.name, gap, isSimple));
		const stored = report.stored.map((manifest) =>
			storedItem(manifest, keyIn(archive.folder, manifest.file), undefined, isSimple),
		);
		const items = [...gaps, ...stored];
		const nothing = { event: 'nothing new', name: report.name, state: 'all WAL up to the present is stored' };
		emit(trigger, items.length > 0 ? items : [nothing]);
	} catch (error) {
		throw toNodeError(trigger.getNode(), error);
	}
}

/**
 * Begins to follow, and returns when the server streams.
 * @throws NodeOperationError what the first login, or the first look at the storage, fails with
 */
export async function startFollowing(trigger: ITriggerFunctions): Promise<ITriggerResponse> {
	const stop = new AbortController();
	const context = runContext(trigger, stop.signal);
	let isStreaming = () => {};
	const streaming = new Promise<void>((resolve) => (isStreaming = resolve));
	const following = (async () => {
		const settings = await triggerSettings(context);
		await withPostgres(context, 0, { connectTimeout: settings.connectTimeout }, async (connection) => {
			await follow(trigger, { connection, settings, stop, isStreaming });
		});
	})();
	try {
		await Promise.race([streaming, following]);
	} catch (error) {
		throw toNodeError(trigger.getNode(), error);
	}
	following.catch((error: unknown) => {
		// Whoever ends it does not want to hear of it.
		if (!isCancelled(error) || !stop.signal.aborted) trigger.emitError(toNodeError(trigger.getNode(), error));
	});
	return {
		closeFunction: async () => {
			stop.abort();
			await following.catch(() => {});
		},
	};
}

async function follow(
	trigger: ITriggerFunctions,
	{
		connection,
		settings,
		stop,
		isStreaming,
	}: { connection: PostgresConnection; settings: Settings; stop: AbortController; isStreaming: () => void },
): Promise<void> {
	const { archive, interval, isSimple } = settings;
	const { logger } = trigger;
	const title = trigger.getNode().name;
	let lost: BackupError | undefined;
	await followWal({
		...archive,
		connection,
		interval,
		signal: stop.signal,
		events: {
			onStored: ({ manifest, key }, progress) => emit(trigger, [storedItem(manifest, key, progress, isSimple)]),
			onGap: (gap, { name }) => {
				logger.error(`${title}: WAL was lost, because the server has removed it. Make a base backup.`);
				emit(trigger, [gapItem(archive.name ?? name, gap, isSimple)]);
			},
			onTrouble: (error, { failures, pauseMs }) => {
				logger.warn(`${title}: ${error.message} It is tried again in ${Math.round(pauseMs / 1000)} s.`);
				if (failures === FAILURES_TOLD) trigger.saveFailedExecution?.(toNodeError(trigger.getNode(), error));
				// A tunnel that broke is opened by n8n when the workflow is activated anew.
				if (connection.openStream && error.code === 'SOURCE_UNREACHABLE') {
					lost = error;
					stop.abort();
				}
			},
			notice: (sentence) => logger.warn(`${title}: ${sentence}`),
			onStreaming: ({ address }) => {
				logger.info(`${title}: the WAL of ${address} is stored as it comes.`);
				isStreaming();
			},
		},
	}).catch((error: unknown) => {
		throw lost ?? error;
	});
}

function isCancelled(error: unknown): boolean {
	return error instanceof BackupError && error.code === 'CANCELLED';
}

function emit(trigger: ITriggerFunctions, items: INodeExecutionData['json'][]): void {
	trigger.emit([items.map((json) => ({ json }))]);
}

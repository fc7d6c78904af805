/** What point in time can be recovered, found out along with the series: see verify/recoverable.ts. */
import type { ListedBackup } from '../archive';
import type { Storage } from '../storage/storage';
import type { LogCollector, LoggedSystem, ServerLog, SystemLog } from '../verify';
import type { SeriesState } from './held';

export class LogsCollector {
	readonly #collectors: { log: SystemLog; collector: LogCollector }[];

	/** @param prefix of the keys that people want to hear of; what these need may lie elsewhere */
	constructor(
		logs: readonly SystemLog[],
		private readonly prefix: string,
	) {
		this.#collectors = logs.map((log) => ({ log, collector: log.collector() }));
	}

	take({ manifest, key, foundSize }: ListedBackup): void {
		for (const { log, collector } of this.#collectors) {
			if (manifest.kind !== log.bases && manifest.kind !== log.pieces) continue;
			collector.take(manifest, key, foundSize === manifest.size.stored);
		}
	}

	/**
	 * What can be recovered of the servers of some series; these are told up to which moment they bring everything back.
	 * @throws BackupError CANCELLED, and what the storage throws
	 */
	async logs(
		storage: Storage,
		series: readonly SeriesState[],
		{ serverLogs, ...look }: { serverLogs: readonly ServerLog[]; latest: number; signal: AbortSignal | undefined },
	): Promise<LoggedSystem[]> {
		const failed = new Set(
			series.flatMap(({ newest }) =>
				newest.flatMap(({ facts, verification }) => (verification?.verdict === 'failed' ? facts.id : [])),
			),
		);
		const signs = serverLogs.flatMap(({ sign }) => sign ?? []);
		const found: LoggedSystem[] = [];
		for (const { collector } of this.#collectors)
			found.push(...(await collector.recoverable(storage, { failed, signs, ...look })));
		for (const one of series) {
			const log = found.find(({ system }) => system === one.system);
			if (log && one.kind === log.kind) {
				one.isLog = true;
				const restored = series.filter(({ kind, system }) => kind === log.baseKind && system === log.system);
				const times = restored.flatMap(({ lastRestored }) => lastRestored?.restored?.at ?? []).sort();
				if (times.length > 0) one.readAt = times.at(-1)!;
			}
			const to = log?.windows.at(-1)?.to;
			if (to !== undefined) one.reachesTo = to;
		}
		if (this.prefix === '') return found;
		return found.filter(({ system }) => series.some((one) => one.system === system));
	}
}

/**
 * Makes one place hold what another one holds. Three sorted lists are read side by side (march.ts): source, target, and what was
 * recorded of the copies. For every name it is settled what is to be done (settle.ts); where that takes a question to a
 * server, or a copy, it goes on beside the others, within bounds of count and bytes, while the lists are read on.
 * Results are taken up in the order of names again, which is the order in which the record is written. Removals come last, when
 * everything was copied, and only of what was asked for one by one.
 *
 * In memory: a page of each listing, a chunk of the record, 4,096 names under way, the bytes of the copies that are under way, and
 * the packed names of what is to be removed.
 */
import { BackupError, cancelled, messageOf, throwIfCancelled, type ErrorCode } from '../../errors';
import { Selection, shownName, type SelectionChoices } from '../../tree';
import { inOrder, march, type Met } from './march';
import { NameList } from './nameList';
import { isInside, type Listed, type Place } from './place';
import { assertBelowCeiling, purgeTrash, removeExtras, type RemovalChoices } from './removal';
import { count, emptyReport, warningsOf, type MirrorReport } from './report';
import { settle, settledAtOnce, type Decision, type Ends } from './settle';
import { Slots } from './slots';
import type { StateRecord } from './state';
import { StateStore } from './stateStore';
import { transfer } from './transfer';

export interface MirrorOptions {
	source: Place;
	target: Place;
	choices?: SelectionChoices;
	/** Whether what only the target has is removed there. Default: it stays. */
	removal?: RemovalChoices;
	/** Finds out what would be done, and does nothing. */
	dryRun?: boolean;
	/** Objects copied at once. Default 16. */
	concurrency?: number;
	/** Bytes in memory of objects under way. Default 64 MiB. */
	bytesAtOnce?: number;
	/** What was copied is recorded after so many bytes at the latest. Default 256 MiB. */
	checkpointBytes?: number;
	onProgress?: (progress: { name: string; copied: number; bytes: number }) => void;
	signal?: AbortSignal | undefined;
}

const MIB = 1024 * 1024;
const UNDER_WAY = 4096;
const ASKED_AT_ONCE = 32;
/** For what is still to be recorded when a run was broken off. */
const LAST_RECORD_MS = 5000;
/** Failures of single objects after which the rest is not tried. */
const MOST_FAILURES = 100;
/** A name that is taken, an object in a cold storage class, one that is too large. Servers that are away have other codes. */
const OF_ONE_OBJECT: readonly ErrorCode[] = ['TARGET_EXISTS', 'INVALID_INPUT', 'SOURCE_FAILED', 'TARGET_FAILED'];

/**
 * @returns what was done; single objects that could not be copied are told there
 * @throws BackupError where a place cannot be used at all, the listing is not sorted, too much would be removed, or CANCELLED. What
 * was copied until then is recorded, and another run goes on from there
 */
export async function mirror(options: MirrorOptions): Promise<MirrorReport> {
	const { source, target } = options;
	if (isInside(source, target)) {
		throw new BackupError('INVALID_INPUT', `The ${source.description} and the ${target.description} overlap.`, {
			hint: 'Choose a target outside of the source.',
		});
	}
	return await new Mirror(options).run();
}

/** A name whose result is not taken up yet. */
interface UnderWay {
	met: Met;
	result: StateRecord | undefined;
	isDone: boolean;
	promise: Promise<void> | undefined;
}

class Mirror {
	readonly #ends: Ends;
	readonly #state: StateStore;
	readonly #report: MirrorReport;
	readonly #selection: Selection;
	readonly #extras = new NameList();
	readonly #copies: Slots;
	readonly #questions = new Slots(ASKED_AT_ONCE, Infinity);
	readonly #stop = new AbortController();
	readonly #signal: AbortSignal;
	readonly #queue: UnderWay[] = [];
	#failure: { error: unknown } | undefined;
	#targetCount = 0;
	#unrecorded = 0;
	readonly #now = new Date();

	constructor(private readonly options: MirrorOptions) {
		const { source, target, choices, removal, concurrency = 16, bytesAtOnce = 64 * MIB } = options;
		this.#state = new StateStore(source, target);
		this.#ends = { source, target, id: this.#state.id, remove: removal !== undefined };
		this.#report = emptyReport(source.description, target.description, options.dryRun ?? false);
		this.#selection = new Selection(choices);
		this.#copies = new Slots(concurrency, bytesAtOnce);
		const stops = [this.#stop.signal, ...(options.signal ? [options.signal] : [])];
		this.#signal = AbortSignal.any(stops);
	}

	async run(): Promise<MirrorReport> {
		const report = this.#report;
		throwIfCancelled(this.#signal);
		await this.#state.open(this.#signal);
		await this.#compareAndCopy();
		await this.#removeExtras();
		const { source, target } = this.#ends;
		report.warnings.unshift(...warningsOf(report), ...source.warnings(), ...target.warnings());
		if (this.#state.isDamaged) {
			report.warnings.push(
				'A part of what earlier runs recorded in the target could not be read; what it spoke of was compared anew.',
			);
		}
		return report;
	}

	async #compareAndCopy(): Promise<void> {
		const { source, target } = this.#ends;
		try {
			const lists = {
				source: inOrder(source.list(this.#signal), source.description),
				target: inOrder(target.list(this.#signal), target.description),
				records: this.#state.records(this.#signal),
			};
			for await (const met of march(lists)) {
				this.#throwIfFailed();
				await this.#begin(met);
				await this.#takeUp(this.#queue.length >= UNDER_WAY);
			}
			while (this.#queue.length > 0) await this.#takeUp(true);
			this.#throwIfFailed();
			if (!this.#report.dryRun) await this.#closeState();
		} catch (error) {
			const failure = this.#failure?.error ?? error;
			this.#stop.abort();
			await Promise.allSettled(this.#queue.flatMap(({ promise }) => promise ?? []));
			await this.#recordTheRest();
			throw this.options.signal?.aborted ? cancelled() : failure;
		}
	}

	#throwIfFailed(): void {
		if (this.#failure) throw this.#failure.error;
		throwIfCancelled(this.#signal);
	}

	async #closeState(): Promise<void> {
		await this.#state.finish(this.#signal);
		for await (const name of this.#state.stale(this.#signal)) await this.#ends.target.remove(name, this.#signal);
	}

	/** What was copied before the run was broken off is not copied again by the next one. */
	async #recordTheRest(): Promise<void> {
		if (this.#report.dryRun) return;
		const signal = AbortSignal.timeout(LAST_RECORD_MS);
		try {
			for (const { met, isDone, result } of this.#queue) {
				await this.#state.put(met.record, isDone ? result : met.record, signal);
			}
			await this.#state.checkpoint(signal);
		} catch {
			// The failure that led here is the one to report; copies that are not recorded are looked at once more.
		}
	}

	/** Settles a name, or begins what has to be done for that. */
	async #begin(met: Met): Promise<void> {
		const under: UnderWay = { met, result: met.record, isDone: true, promise: undefined };
		this.#queue.push(under);
		if (!this.#selection.takes(met.name)) return;
		if (met.source) {
			this.#report.sourceCount++;
			this.#report.sourceBytes += met.source.size;
		}
		if (met.target) this.#targetCount++;
		const decision = settledAtOnce(met, this.#ends.remove);
		if (decision && decision.kind !== 'copy') {
			this.#note(under, decision);
			return;
		}
		under.isDone = false;
		const release = decision ? await this.#roomFor(decision.source) : await this.#questions.acquire(0);
		under.promise = this.#work(under, decision, release).catch((error: unknown) => {
			this.#failure ??= { error };
			this.#stop.abort();
		});
	}

	async #work(under: UnderWay, atOnce: Decision | undefined, release: () => void): Promise<void> {
		const { met } = under;
		let decision = atOnce;
		try {
			if (!decision) {
				const settled = await settle(met, this.#ends, this.#signal);
				decision = settled.decision;
				const found = decision.kind === 'copy' ? decision.source : undefined;
				if (settled.isUnlisted) count(this.#report.unlisted, { name: met.name, size: found?.size ?? 0 });
				release();
				if (found) release = await this.#roomFor(found);
			}
			if (decision.kind === 'copy') await this.#copy(under, decision);
			else this.#note(under, decision);
			under.isDone = true;
		} finally {
			release();
		}
	}

	async #roomFor({ size }: Listed): Promise<() => void> {
		return await this.#copies.acquire(this.#report.dryRun ? 0 : this.#ends.target.memoryFor(size));
	}

	#note(under: UnderWay, decision: Exclude<Decision, { kind: 'copy' }>): void {
		const { met } = under;
		switch (decision.kind) {
			case 'same':
				under.result = decision.record;
				count(this.#report.unchanged, decision.record);
				return;
			case 'adopted':
				under.result = decision.record;
				count(this.#report.adopted, decision.record);
				return;
			case 'extra':
				under.result = undefined;
				count(this.#report.extra, decision.target);
				if (this.#ends.remove) this.#extras.add(decision.target);
				return;
			case 'kept':
				under.result = undefined;
				return;
			case 'gone':
				under.result = undefined;
				// Where a listing told of it, it went away while the run went on.
				if (met.source) count(this.#report.vanished, met.source);
		}
	}

	async #copy(under: UnderWay, { source, isNew }: Extract<Decision, { kind: 'copy' }>): Promise<void> {
		const report = this.#report;
		const refused = this.#ends.target.refuses(source.name);
		if (refused !== undefined) return count(report.leftOut, source);
		const into = isNew ? report.added : report.changed;
		if (report.dryRun) return count(into, source);
		try {
			const done = await transfer(source, this.#ends, this.#signal);
			if (done.kind === 'copied') {
				under.result = done.record;
				count(into, done.record);
				this.#unrecorded += done.record.size;
				const { added, changed } = report;
				const progress = { copied: added.count + changed.count, bytes: added.bytes + changed.bytes };
				this.options.onProgress?.({ name: source.name, ...progress });
			} else count(done.kind === 'vanished' ? report.vanished : report.changing, source);
		} catch (error) {
			if (this.#signal.aborted || !isOfOneObject(error) || report.failed.count >= MOST_FAILURES) throw error;
			count(report.failed, source);
			if (report.failed.count <= 5) report.warnings.push(`${shownName(source.name)}: ${messageOf(error)}`);
		}
	}

	/** Takes up what is done, in order. @param wait until the first one is done */
	async #takeUp(wait: boolean): Promise<void> {
		const first = this.#queue[0];
		if (wait && first && !first.isDone) await first.promise;
		this.#throwIfFailed();
		let taken = 0;
		for (const under of this.#queue) {
			if (!under.isDone) break;
			taken++;
			if (!this.#report.dryRun) await this.#state.put(under.met.record, under.result, this.#signal);
		}
		this.#queue.splice(0, taken);
		if (this.#unrecorded < (this.options.checkpointBytes ?? 256 * MIB) || taken === 0) return;
		this.#unrecorded = 0;
		if (!this.#report.dryRun) await this.#state.checkpoint(this.#signal);
	}

	async #removeExtras(): Promise<void> {
		const { removal } = this.options;
		const report = this.#report;
		if (!removal) return;
		const isIncomplete = report.failed.count + report.changing.count > 0;
		if (isIncomplete && this.#extras.count > 0) {
			report.warnings.push('Nothing was removed from the target, because not everything could be copied.');
			return;
		}
		assertBelowCeiling(this.#extras, this.#targetCount, removal, report);
		if (!report.dryRun) await removeExtras(this.#extras, this.#ends, report, this.#now, this.#signal);
		await purgeTrash(this.#ends.target, removal, report, this.#now, this.#signal);
	}
}

/** Failures that say nothing of the other objects. */
function isOfOneObject(error: unknown): boolean {
	return error instanceof BackupError && OF_ONE_OBJECT.includes(error.code);
}

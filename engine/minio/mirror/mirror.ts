/**
 * Makes one place hold what another one holds. Three sorted lists are read side by side (march.ts): source, target, and what was
 * recorded of the copies. For every name it is settled what is to be done (settle.ts); where that takes a question to a
 * server, or a copy (copying.ts), it goes on beside the others, within bounds of count and bytes, while the lists are read on.
 * Results are taken up in the order of names again (queue.ts), which is the order in which the record is written. Removals come last, when
 * everything was copied, and only of what was asked for one by one.
 *
 * In memory: a page of each listing, a chunk of the record, 4,096 names under way, the bytes of the copies that are under way, and
 * the packed names of what is to be removed.
 */
import type { LockWait } from '../../archive';
import { BackupError, cancelled, throwIfCancelled } from '../../errors';
import type { Gate } from '../../storage/gate';
import { Selection, type SelectionChoices } from '../../tree';
import { KeysAbove } from '../keysAbove';
import { assertApart, assertUnseen } from './apart';
import { Copying, type CopyProgress } from './copying';
import { clearUnfinished, removeWhatIsExtra, type Done } from './finish';
import { march, type Met } from './march';
import { NameList } from './nameList';
import type { Listed, Place } from './place';
import type { RemovalChoices } from './removal';
import { Queue, tell, type UnderWay } from './queue';
import { count, emptyReport, warningsOf, type MirrorReport } from './report';
import { settle, settledAtOnce, type Decision, type Ends } from './settle';
import { Slots, type Slot } from './slots';
import type { StateRecord } from './state';
import { StateStore } from './stateStore';
import { whileLocked, type Held } from './targetLock';

export interface MirrorOptions {
	source: Place;
	target: Place;
	choices?: SelectionChoices;
	/** Whether what only the target has is removed there. Default: it stays. */
	removal?: RemovalChoices;
	/** Finds out what would be done, and does nothing. */
	dryRun?: boolean;
	/** Objects asked for at once. Default 16. */
	concurrency?: number;
	/** Bytes in memory of objects under way. Default 64 MiB. */
	bytesAtOnce?: number;
	/** What was copied is recorded after so many bytes at the latest. Default 256 MiB. */
	checkpointBytes?: number;
	/** How long to wait where another run mirrors into the target; default not at all. */
	wait?: LockWait;
	/** Who runs it, for other runs that find the target taken: `the workflow "Hourly mirror", execution 17`. */
	owner?: string;
	/** What the bytes of objects go through that are not copied by their server. */
	gate?: Gate;
	onProgress?: (progress: CopyProgress) => void;
	signal?: AbortSignal | undefined;
}

const MIB = 1024 * 1024;
const UNDER_WAY = 4096;
const ASKED_AT_ONCE = 32;
/** For what is still to be recorded when a run was broken off. */
const LAST_RECORD_MS = 5000;
/**
 * @returns what was done; single objects that could not be copied are told there
 * @throws BackupError where a place cannot be used at all, another run mirrors into the target (STORAGE_LOCKED), the listing is not sorted, too
 * much would be removed, or CANCELLED. What was copied until then is recorded, and another run goes on from there
 */
export async function mirror(options: MirrorOptions): Promise<MirrorReport> {
	const { source, target, dryRun = false, owner = 'another run', wait = { waitMs: 0 } } = options;
	throwIfCancelled(options.signal);
	try {
		await assertApart(source, target);
		if (dryRun) return await new Mirror(options).run();
		return await whileLocked(target, { owner, wait, signal: options.signal }, async (held, signal) => {
			await assertUnseen(source, target, held.key, signal);
			return await new Mirror({ ...options, signal }, held).run();
		});
	} finally {
		source.close();
		target.close();
	}
}

class Mirror {
	readonly #ends: Ends;
	readonly #state: StateStore;
	readonly #report: MirrorReport;
	readonly #selection: Selection;
	readonly #extras = new NameList();
	readonly #above = new KeysAbove();
	readonly #aboveAtSource = new KeysAbove();
	readonly #copies: Slots;
	readonly #questions = new Slots(ASKED_AT_ONCE, Infinity);
	readonly #stop = new AbortController();
	readonly #signal: AbortSignal;
	readonly #queue = new Queue();
	readonly #copying: Copying;
	#failure: { error: unknown } | undefined;
	#targetCount = 0;
	readonly #now = new Date();

	/** @param held missing in a dry run */
	constructor(
		private readonly options: MirrorOptions,
		private readonly held?: Held,
	) {
		const { source, target, choices, removal, concurrency = 16, bytesAtOnce = 64 * MIB } = options;
		this.#state = new StateStore(source, target);
		this.#ends = { source, target, id: this.#state.id, remove: removal !== undefined, gate: options.gate };
		this.#report = emptyReport(source.description, target.description, options.dryRun ?? false);
		this.#selection = new Selection(choices);
		this.#copies = new Slots(concurrency, bytesAtOnce);
		const stops = [this.#stop.signal, ...(options.signal ? [options.signal] : [])];
		this.#signal = AbortSignal.any(stops);
		this.#copying = new Copying({
			ends: this.#ends,
			report: this.#report,
			onProgress: options.onProgress,
			signal: this.#signal,
		});
	}

	async run(): Promise<MirrorReport> {
		const report = this.#report;
		throwIfCancelled(this.#signal);
		await this.#state.open(this.#signal);
		report.isFirst = this.#state.isNew;
		await this.#compareAndCopy();
		const { removal } = this.options;
		const done: Done = {
			ends: this.#ends,
			held: this.held,
			report,
			extras: this.#extras,
			targetCount: this.#targetCount,
			now: this.#now,
			signal: this.#signal,
		};
		if (removal) await removeWhatIsExtra(done, removal);
		await clearUnfinished(done, (name) => this.#selection.takes(name));
		const { source, target } = this.#ends;
		const ofChoice = report.sourceCount === 0 ? [] : this.#selection.warnings;
		report.warnings.unshift(...warningsOf(report), ...ofChoice, ...source.warnings(), ...target.warnings());
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
				source: { pages: source.list(this.#signal), description: source.description },
				target: { pages: target.list(this.#signal), description: target.description },
				records: { pages: this.#state.records(this.#signal), description: 'record of copies' },
			};
			for await (const names of march(lists)) await this.#beginAll(names);
			while (this.#queue.length > 0) await this.#takeUp(true);
			this.#throwIfFailed();
			if (!this.#report.dryRun) await this.#closeState();
		} catch (error) {
			const failure = this.#failure?.error ?? error;
			this.#stop.abort();
			await this.#queue.settled();
			await this.#recordTheRest();
			throw this.options.signal?.aborted ? cancelled() : failure;
		}
	}

	#throwIfFailed(): void {
		if (this.#failure) throw this.#failure.error;
		throwIfCancelled(this.#signal);
	}

	async #closeState(): Promise<void> {
		await this.held?.confirm();
		await this.#state.finish(this.#signal);
		try {
			for await (const name of this.#state.stale(this.#signal)) await this.#ends.target.remove(name, this.#signal);
		} catch (error) {
			// A target from which nothing can be removed is a good one: all that matters is there.
			if (!(error instanceof BackupError) || error.code !== 'ACCESS_DENIED') throw error;
			this.#report.warnings.push(
				`What earlier runs recorded stays in the target, a few bytes an object, for it may not be removed: ${error.message}`,
			);
		}
	}

	/** What was copied before the run was broken off is not copied again by the next one. */
	async #recordTheRest(): Promise<void> {
		if (this.#report.dryRun) return;
		const signal = AbortSignal.timeout(LAST_RECORD_MS);
		try {
			for (const { met, isDone, result } of this.#queue.all) {
				await this.#state.put(met.record, isDone ? result : met.record, signal);
			}
			await this.held?.confirm();
			await this.#state.checkpoint(signal);
		} catch {
			// The failure that led here is the one to report; copies that are not recorded are looked at once more.
		}
	}

	/** Settles names, or begins what has to be done for that. */
	async #beginAll(names: Iterable<Met>): Promise<void> {
		for (const met of names) {
			this.#throwIfFailed();
			// What is only recorded stands in nobody's way.
			const below = met.source || met.target ? this.#above.of(met.name) : undefined;
			const isInTheWay = (met.source && this.#aboveAtSource.of(met.name)) === undefined && below !== undefined;
			const isChosen = this.#isChosen(met);
			const decision = isChosen ? settledAtOnce(met, this.#ends.remove) : undefined;
			// So it is of nearly all of a million names: nothing is to be waited for, and nothing made for it.
			if (decision?.kind === 'same' && this.#queue.length === 0) {
				count(this.#report.unchanged, decision.record);
				const written = this.#record(met, decision.record);
				if (written) await written;
				continue;
			}
			const under: UnderWay = {
				met,
				below,
				isInTheWay,
				result: met.record,
				isDone: true,
				promise: undefined,
				told: [],
			};
			this.#queue.push(under);
			if (decision && decision.kind !== 'copy') this.#note(under, decision);
			else if (isChosen) await this.#begin(under, decision);
			await this.#takeUp(this.#queue.length >= UNDER_WAY);
		}
	}

	/** Counts a name, where it is one that was chosen. */
	#isChosen({ name, source, target }: Met): boolean {
		if (!this.#selection.takes(name)) return false;
		if (!source && this.#ends.source.leavesOut?.(name)) return false;
		if (source) {
			this.#report.sourceCount++;
			this.#report.sourceBytes += source.size;
		}
		if (target) this.#targetCount++;
		return true;
	}

	/** Begins what has to be done to settle a name. */
	async #begin(under: UnderWay, decision: Extract<Decision, { kind: 'copy' }> | undefined): Promise<void> {
		under.isDone = false;
		const slot = decision ? await this.#roomFor(decision.source) : await this.#questions.acquire(0);
		under.promise = this.#work(under, decision, slot).catch((error: unknown) => {
			this.#failure ??= { error };
			this.#stop.abort();
		});
	}

	async #work(under: UnderWay, atOnce: Decision | undefined, given: Slot): Promise<void> {
		const { met } = under;
		let decision = atOnce;
		let slot = given;
		try {
			if (!decision) {
				const settled = await settle(met, this.#ends, this.#signal);
				decision = settled.decision;
				const found = decision.kind === 'copy' ? decision.source : undefined;
				if (settled.isUnlisted) tell(under, this.#report.unlisted, { name: met.name, size: found?.size ?? 0 });
				slot.release();
				if (found) slot = await this.#roomFor(found);
			}
			if (decision.kind === 'copy') await this.#copying.copy(under, decision, slot);
			else this.#note(under, decision);
			under.isDone = true;
		} finally {
			slot.release();
		}
	}

	async #roomFor({ size }: Listed): Promise<Slot> {
		return await this.#copies.acquire(this.#report.dryRun ? 0 : this.#ends.target.memoryFor(size));
	}

	#note(under: UnderWay, decision: Exclude<Decision, { kind: 'copy' }>): void {
		const { met } = under;
		switch (decision.kind) {
			case 'same':
				under.result = decision.record;
				tell(under, this.#report.unchanged, decision.record);
				return;
			case 'adopted':
				under.result = decision.record;
				tell(under, this.#report.adopted, decision.record);
				return;
			case 'extra':
				under.result = undefined;
				tell(under, this.#report.extra, decision.target);
				if (this.#ends.remove) under.told.push(() => this.#extras.add(decision.target));
				return;
			case 'kept':
				under.result = undefined;
				return;
			case 'gone':
				under.result = undefined;
				// Where a listing told of it, it went away while the run went on.
				if (met.source) tell(under, this.#report.vanished, met.source);
		}
	}

	/** @returns what is to be waited for, if anything */
	#record({ record }: Met, result: StateRecord | undefined): Promise<void> | undefined {
		return this.#report.dryRun ? undefined : this.#state.put(record, result, this.#signal);
	}

	/** Takes up what is done, in order. @param wait until the first one is done */
	async #takeUp(wait: boolean): Promise<void> {
		if (wait) await this.#queue.first?.promise;
		this.#throwIfFailed();
		const taken = await this.#queue.takeUp(({ met, result }) => this.#record(met, result));
		if (this.#copying.unrecorded < (this.options.checkpointBytes ?? 256 * MIB) || taken === 0) return;
		this.#copying.unrecorded = 0;
		if (this.#report.dryRun) return;
		await this.held?.confirm();
		await this.#state.checkpoint(this.#signal);
	}
}

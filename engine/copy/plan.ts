/**
 * What a copy does, decided from what both storages hold: a pure function, so that a dry run tells what a run does. Every
 * archive that a backup needs comes before it, so whatever breaks, what the target lists can be restored from it.
 */
import { isFileOf, type ListedBackup } from '../archive';
import { BackupError, listed } from '../errors';
import { bestOf, chosenFrom, unreadableIn, type CopyFilters, type UnreadableBackup, type WhichBackups } from './choose';
import { formOf, targetKeyOf, type EncryptionOnTheWay } from './form';
import { RemovedAtTarget } from './removed';
import { isComplete, isSameBackup, type Side } from './side';

/** What becomes of a backup, or would. */
export type CopyAction =
	/** It goes to the same key in the target. */
	| { type: 'copy' }
	/** The target has it, or has had it; or the source has it no more. */
	| { type: 'skip'; why: 'there' | 'removed' | 'gone' }
	/** Something else stands in its place. */
	| { type: 'conflict'; error: BackupError }
	| { type: 'fail'; error: BackupError };

/** A backup of the source, or an archive that one needs. */
export interface PlannedCopy {
	backup: ListedBackup;
	action: CopyAction;
	/** Whether it was not asked for, and comes because a backup needs it. */
	isNeeded: boolean;
}

export interface CopyPlan {
	/** What is needed before what needs it. */
	copies: PlannedCopy[];
	unreadable: UnreadableBackup[];
	/** Ids that were picked and that the source does not have. */
	missing: string[];
}

export interface CopyQuestion {
	source: Side;
	target: Side;
	which: WhichBackups;
	filters: CopyFilters;
	/** Ids of what was copied there before. */
	copiedBefore: ReadonlySet<string>;
	/** By it, a copy may get another name. */
	onTheWay?: EncryptionOnTheWay;
}

/** Decides what is copied. */
export function planCopies(question: CopyQuestion): CopyPlan {
	const { source, which, filters } = question;
	const chosen = chosenFrom(source, which, filters);
	const planner = new Planner(question);
	for (const backup of chosen) planner.plan(backup);
	planner.end();
	const found = new Set(chosen.map(({ manifest }) => manifest.id));
	const missing = which.type === 'picked' ? which.ids.filter((id) => !found.has(id)) : [];
	return { copies: planner.copies, unreadable: unreadableIn(source, which, filters), missing };
}

class Planner {
	readonly copies: PlannedCopy[] = [];
	readonly #needed = new Map<string, PlannedCopy>();
	/** What was removed from the target, and stays away unless something else needs it. */
	readonly #removed: ListedBackup[] = [];
	/** What was decided of an archive; undefined while what it needs is looked at. */
	readonly #decided = new Map<string, CopyAction | undefined>();
	readonly #removedThere: RemovedAtTarget;

	constructor(private readonly question: CopyQuestion) {
		const { source, target, copiedBefore } = question;
		this.#removedThere = new RemovedAtTarget(source, target, copiedBefore);
	}

	/** Decides about a backup that was asked for, and before it about all that it needs. */
	plan(backup: ListedBackup): void {
		const { id } = backup.manifest;
		const needed = this.#needed.get(id);
		if (needed) needed.isNeeded = false;
		if (this.#decided.has(id)) return;
		if (this.#wasRemoved(backup)) this.#removed.push(backup);
		else this.#planWithNeeds(backup);
	}

	/** To be called once all that was asked for is planned. */
	end(): void {
		for (const backup of this.#removed) {
			const needed = this.#needed.get(backup.manifest.id);
			if (needed) needed.isNeeded = false;
			else this.#decide(backup, { type: 'skip', why: 'removed' }, false);
		}
	}

	/** By a stack of its own: who writes to the storage decides how deep needs go. */
	#planWithNeeds(first: ListedBackup): void {
		const open = [{ backup: first, needs: needsOf(first) }];
		this.#decided.set(first.manifest.id, undefined);
		for (let top = open.at(-1); top; top = open.at(-1)) {
			const next = top.needs.pop();
			if (next === undefined) {
				open.pop();
				this.#decide(top.backup, this.#actionFor(top.backup), top.backup !== first);
				continue;
			}
			if (this.#decided.has(next)) continue;
			const needed = this.question.source.byId.get(next);
			if (!needed) continue;
			const backup = bestOf(needed);
			this.#decided.set(next, undefined);
			open.push({ backup, needs: needsOf(backup) });
		}
	}

	#decide(backup: ListedBackup, action: CopyAction, isNeeded: boolean): void {
		const copy = { backup, action, isNeeded };
		this.#decided.set(backup.manifest.id, action);
		this.copies.push(copy);
		if (isNeeded) this.#needed.set(backup.manifest.id, copy);
	}

	/** What retention has removed from the target must not come back each night. */
	#wasRemoved(backup: ListedBackup): boolean {
		return this.question.which.type === 'new' && this.#removedThere.has(backup);
	}

	#actionFor(backup: ListedBackup): CopyAction {
		const { manifest, key } = backup;
		const { id, needs = [] } = manifest;
		const twin = this.question.source.byId.get(id)?.find((copy) => !isSameBackup(copy.manifest, manifest));
		if (twin) return fail('MANIFEST_INVALID', `${twin.key} and ${key} have the same id and are different.`, FORGED);
		if (!isFileOf(manifest.name, manifest.file)) {
			return fail('MANIFEST_INVALID', `${key} has not the name of an archive of ${manifest.name}.`, FORGED);
		}
		const lacking = needs.filter((needed) => !this.#willBeThere(needed));
		const there = this.#whatIsThere(backup);
		if (there?.type === 'conflict') return there;
		if (lacking.length > 0) return this.#lacks(backup, lacking);
		if (there) return there;
		return isComplete(backup) ? { type: 'copy' } : damagedAtSource(backup);
	}

	/** What the target has in the place of a backup; undefined where it is free. */
	#whatIsThere({ manifest, key }: ListedBackup): CopyAction | undefined {
		const { target, onTheWay } = this.question;
		const form = formOf(manifest, onTheWay);
		const to = targetKeyOf(key, manifest, onTheWay);
		const same = target.byId.get(manifest.id) ?? [];
		const other = same.find((one) => !isSameBackup(one.manifest, manifest));
		if (other) return conflict(`The target has another backup with the id of ${key}: ${other.key}.`);
		if (same.some(isComplete)) return { type: 'skip', why: 'there' };
		const broken = same.find((one) => one.key === to);
		if (broken) {
			// Its manifest stands there, without an archive: that is what is copied. What is encrypted has another one each time.
			if (broken.foundSize === undefined && form !== 'encrypted') return undefined;
			return conflict(`${to} is damaged at the target: it has ${broken.foundSize ?? 'lost its'} bytes.`);
		}
		const unread = target.damaged.get(to);
		if (unread) return conflict(`The manifest of ${to} cannot be read at the target: ${unread.error.message}`);
		if (this.#isTaken(to)) return conflict(`The target has another backup under the name ${to}.`);
		const bare = target.bare.get(to);
		// What a copy has left that was killed is looked at when it is copied.
		if (!bare || bare.isClaimed) return undefined;
		const size = form === 'decrypted' ? manifest.original?.stored : manifest.size.stored;
		if (form !== 'encrypted' && bare.size === size) return undefined;
		return conflict(`The target has another file under the name ${to}, of ${bare.size} bytes.`);
	}

	#isTaken(key: string): boolean {
		this.#keysThere ??= new Set([...this.question.target.byId.values()].flat().map((one) => one.key));
		return this.#keysThere.has(key);
	}
	#keysThere: Set<string> | undefined;

	#willBeThere(id: string): boolean {
		const action = this.#decided.get(id);
		if (action) return action.type === 'copy' || action.type === 'skip';
		// Of what the source has not any more, a copy may be there.
		return !this.#decided.has(id) && (this.question.target.byId.get(id) ?? []).some(isComplete);
	}

	#lacks({ key }: ListedBackup, ids: string[]): CopyAction {
		const { source } = this.question;
		const inCircle = ids.filter((id) => this.#decided.has(id) && this.#decided.get(id) === undefined);
		if (inCircle.length > 0) {
			return fail('MANIFEST_INVALID', `${key} needs an archive that needs it in turn.`, FORGED);
		}
		const which = listed(ids.map((id) => source.byId.get(id)?.[0]?.key ?? `the one with the id ${id}`));
		return fail(
			'ARCHIVE_INCOMPLETE',
			`${key} cannot be copied: it needs other archives that are missing, damaged, or cannot be copied: ${which}.`,
			'Verify it where it is. A backup that needs nothing else is made by the next whole back up.',
		);
	}
}

function needsOf({ manifest: { needs = [] } }: ListedBackup): string[] {
	return needs.toReversed();
}

const FORGED =
	'No run of ours writes such a thing: find out who can write to the source. The other backups are copied.';

function fail(code: BackupError['code'], message: string, hint: string): CopyAction {
	return { type: 'fail', error: new BackupError(code, message, { hint }) };
}

function conflict(message: string): CopyAction {
	const hint =
		'Nothing is overwritten. Look at both; remove or move the one at the target if the source has the right one.';
	return { type: 'conflict', error: new BackupError('STORAGE_EXISTS', message, { hint }) };
}

function damagedAtSource({ key, manifest, foundSize }: ListedBackup): CopyAction {
	const what =
		foundSize === undefined
			? 'is missing at the source'
			: `has ${foundSize} bytes at the source, where ${manifest.size.stored} were stored`;
	return fail(
		'ARCHIVE_CORRUPT',
		`The archive ${key} ${what}.`,
		'Make a new backup, and find out what happened to this one.',
	);
}

/**
 * What the hard links of a foreign tar become. A link means the member that had its target's name last before it; one whose target
 * comes later means the last of all. Where that member is restored under its own name, the link leads there. Where it is not, because
 * a later one has taken its name or it was not selected, the first link is restored as the file, and the others lead to this one.
 */
import { BackupError } from '../../errors';
import { type EntryFacts, shownName } from '../../tree';
import type { LeftOutMembers } from './left-out';
import type { NameTable } from './names';
import type { MemberRecords } from './records';

interface HardLink {
	facts: EntryFacts;
	ordinal: number;
	/** The member that had the target's name when the link came. */
	of: number | undefined;
}

/** A link to a link to a link: none that a program makes goes further. */
const MOST_STEPS = 40;

export class HardLinks {
	readonly #records: MemberRecords;
	readonly #names: NameTable;
	readonly #links = new Map<number, HardLink>();

	constructor(records: MemberRecords, names: NameTable) {
		this.#records = records;
		this.#names = names;
	}

	/** To be called before the name of the link itself is noted. */
	add(facts: EntryFacts, ordinal: number): void {
		this.#links.set(ordinal, { facts, ordinal, of: this.#names.ordinalOf(facts.target ?? '') });
	}

	/**
	 * When all names are known: what the links that are wanted become, and the names that members get in their stead.
	 * @throws BackupError ARCHIVE_CORRUPT for a link to what is not in the tar, or is a folder
	 */
	resolve(
		tar: string,
		symlinks: ReadonlyMap<number, EntryFacts>,
		leftOut: LeftOutMembers,
	): { links: EntryFacts[]; standIns: Map<number, string> } {
		const links: EntryFacts[] = [];
		const standIns = new Map<number, string>();
		for (const link of this.#links.values()) {
			if (!this.#records.isWanted(link.ordinal)) continue;
			const { name } = link.facts;
			const { ordinal, target } = this.#contentOf(link, tar);
			const kind = this.#records.kindOf(ordinal);
			const standIn = standIns.get(ordinal);
			if (kind === 'none') leftOut.add('special', shownName(name));
			else if (kind === 'symlink') links.push({ ...symlinks.get(ordinal)!, name });
			else if (kind !== 'file') throw leadsNowhere(tar, link);
			else if (this.#records.isWanted(ordinal)) links.push({ ...link.facts, target });
			else if (standIn !== undefined) links.push({ ...link.facts, target: standIn });
			else standIns.set(ordinal, name);
		}
		return { links, standIns };
	}

	#contentOf(link: HardLink, tar: string): { ordinal: number; target: string } {
		let at = link;
		for (let step = 0; step < MOST_STEPS; step++) {
			const target = at.facts.target ?? '';
			const ordinal = at.of ?? this.#names.ordinalOf(target);
			if (ordinal === undefined) break;
			const next = this.#links.get(ordinal);
			if (!next) return { ordinal, target };
			at = next;
		}
		throw leadsNowhere(tar, link);
	}
}

function leadsNowhere(tar: string, { facts: { name, target = '' } }: HardLink): BackupError {
	const message = `The tar ${tar} has the hard link ${shownName(name)}, which leads to ${shownName(target)}, and that is no file in it; nothing was written.`;
	return new BackupError('ARCHIVE_CORRUPT', message, {
		hint: 'Maybe only a part was packed. Pack it again with all names of the file, or unpack it with tar.',
	});
}

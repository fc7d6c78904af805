/**
 * The first reading of a foreign tar, before anything is written. All of it is read to its end, so that a restore begins only with what
 * proved readable; what of each member must be known later is kept in numbers (names.ts, records.ts), folders and links as they are. In
 * a tar, the last member of a name is the one that counts, and a hard link means the member that has its target's name at that
 * point (links.ts); so which content each name gets is known only at the end.
 */
import { BackupError } from '../../errors';
import { Jobs } from '../../parallel';
import type { TarMember } from '../../tar';
import {
	compareNames,
	type EntryFacts,
	type Existing,
	entriesExist,
	NAMES_TOLD,
	nothingSelected,
	type Selection,
	shownName,
} from '../../tree';
import type { FilesTarget } from '../../tree/folder';
import { digestContent } from './content';
import { HardLinks } from './links';
import { foreignMember } from './member';
import { LeftOutMembers } from './left-out';
import { NameTable } from './names';
import { type ForeignTar, walkForeign } from './open';
import { MemberRecords } from './records';

const MOST_MEMBERS = 1_500_000;
/** Names that are known, with those of the folders above; each takes 16 to 48 bytes. */
const MOST_NAMES = 2_000_000;
/** Bytes of folders and links, which are held in memory. */
const MOST_HELD_BYTES = 64 * 1024 * 1024;
/** What one of them takes beside its names. */
const HELD_ENTRY_BYTES = 250;
const LOOKED_AT_ONCE = 16;
/** As many names are kept of what may be in the way: some of them may be of members that do not count. */
const OTHERS_KEPT = 1000;

export interface SurveyOptions {
	tar: ForeignTar;
	target: FilesTarget;
	selection: Selection;
	existing: Existing;
	signal: AbortSignal;
}

/** What is to be restored. */
export interface Survey {
	records: MemberRecords;
	/** In the order of names. */
	directories: EntryFacts[];
	/** Symbolic and hard links. */
	links: EntryFacts[];
	/** Names under which the content of a member is restored that has lost its own, or was not selected itself. */
	standIns: ReadonlyMap<number, string>;
	leftOut: LeftOutMembers;
	/** All of them. */
	entries: number;
	/** Bytes that the tar holds of them. */
	bytes: number;
	/** Bytes that the target must have room for. */
	room: number;
}

/** @throws BackupError as walkForeign and FilesTarget do; INVALID_INPUT (nothing selected, or too much in it); TARGET_EXISTS */
export async function surveyTar(options: SurveyOptions): Promise<Survey> {
	return await new TarSurvey(options).run();
}

/** What has no content, and waits for the end. */
interface Held {
	facts: EntryFacts;
	ordinal: number;
}

class TarSurvey {
	readonly #options: SurveyOptions;
	readonly #records = new MemberRecords();
	readonly #names = new NameTable();
	readonly #directories: Held[] = [];
	readonly #symlinks: Held[] = [];
	readonly #hardLinks = new HardLinks(this.#records, this.#names);
	readonly #leftOut = new LeftOutMembers();
	readonly #looks = new Jobs(LOOKED_AT_ONCE);
	readonly #others: { ordinal: number; shown: string }[] = [];
	#heldBytes = 0;
	/** The folder whose marks were set last. */
	#folder = '';

	constructor(options: SurveyOptions) {
		this.#options = options;
	}

	async run(): Promise<Survey> {
		const { tar, signal } = this.#options;
		try {
			await walkForeign(
				tar,
				async (member, cursor) => {
					const ordinal = await this.#member(member);
					if (this.#records.kindOf(ordinal) !== 'file') return;
					const digest = this.#records.digest();
					await digestContent(cursor, member, digest);
					this.#records.setContent(ordinal, digest);
				},
				signal,
			);
			await this.#looks.end();
		} finally {
			await this.#looks.settle();
		}
		return await this.#plan();
	}

	/** Judges a member by its headers. Answers its ordinal. */
	async #member(member: TarMember): Promise<number> {
		const { tar, target, selection, existing } = this.#options;
		const { facts, leftOut, bare, shown } = foreignMember(member);
		if (this.#records.count === MOST_MEMBERS) throw tooMany(tar.name, `${MOST_MEMBERS} members`);
		const ordinal = this.#records.add(facts, member.storedSize);
		if (leftOut) this.#leftOut.add(leftOut, shown);
		if (facts) target.accept(facts);
		if (facts?.type === 'link') this.#hardLinks.add(facts, ordinal);
		if (bare !== '' && leftOut !== 'index') this.#name(bare, ordinal);
		if (!facts) return ordinal;
		if (facts.type !== 'file') this.#hold(facts, ordinal);
		if (!selection.takes(facts.name)) return ordinal;
		this.#records.select(ordinal);
		// Whoever overwrites is asked for nothing: to know what is the same, all that is there would have to be read.
		if (existing !== 'overwrite' && facts.type !== 'link') {
			await this.#looks.add(async () => await this.#look(facts, ordinal));
		}
		return ordinal;
	}

	async #look(facts: EntryFacts, ordinal: number): Promise<void> {
		const found = await this.#options.target.look(facts);
		this.#records.place(ordinal, found);
		if (found !== 'other' || this.#others.length >= OTHERS_KEPT) return;
		this.#others.push({ ordinal, shown: shownName(facts.name) });
	}

	#hold(facts: EntryFacts, ordinal: number): void {
		const { name, type, target = '' } = facts;
		this.#heldBytes += HELD_ENTRY_BYTES + 2 * (name.length + target.length);
		if (this.#heldBytes > MOST_HELD_BYTES)
			throw tooMany(this.#options.tar.name, 'folders and links than fit into memory');
		if (type === 'directory') this.#directories.push({ facts, ordinal });
		else if (type === 'symlink') this.#symlinks.push({ facts, ordinal });
	}

	/** The name is the member's from now on, and what is above it must be folders. */
	#name(bare: string, ordinal: number): void {
		const before = this.#names.note(bare, ordinal);
		if (before !== undefined) this.#records.supersede(before);
		const folder = bare.slice(0, Math.max(0, bare.lastIndexOf('/')));
		if (folder !== this.#folder) {
			this.#folder = folder;
			for (let end = folder.length; end > 0; end = folder.lastIndexOf('/', end - 1)) {
				// Those above one that was marked are marked as well.
				if (!this.#names.mark(folder.slice(0, end))) break;
			}
		}
		if (this.#names.size > MOST_NAMES) throw tooMany(this.#options.tar.name, `${MOST_NAMES} names`);
	}

	async #plan(): Promise<Survey> {
		const { tar, selection, existing } = this.#options;
		this.#assertFolders();
		const wanted = ({ ordinal }: Held) => this.#records.isWanted(ordinal);
		const symlinks = new Map(this.#symlinks.map(({ facts, ordinal }) => [ordinal, facts]));
		const { links, standIns } = this.#hardLinks.resolve(tar.name, symlinks, this.#leftOut);
		const survey: Survey = {
			records: this.#records,
			directories: this.#directories.filter(wanted).map(({ facts }) => facts),
			links: [...this.#symlinks.filter(wanted).map(({ facts }) => facts), ...links],
			standIns,
			leftOut: this.#leftOut,
			entries: 0,
			bytes: 0,
			room: 0,
		};
		survey.directories.sort((a, b) => compareNames(a.name, b.name));
		this.#count(survey);
		// A tar of nothing is restored, too; a choice that takes nothing of it is a mistake.
		if (survey.entries === 0 && !selection.isWhole) throw nothingSelected(tar.name);
		if (existing === 'fail') await this.#assertNothingInTheWay(links, standIns);
		return survey;
	}

	#count(survey: Survey): void {
		survey.entries = survey.directories.length + survey.links.length;
		for (let ordinal = 0; ordinal < this.#records.count; ordinal++) {
			if (this.#records.kindOf(ordinal) !== 'file') continue;
			const isWanted = this.#records.isWanted(ordinal);
			if (!isWanted && !survey.standIns.has(ordinal)) continue;
			const size = this.#records.storedSizeOf(ordinal);
			survey.entries++;
			survey.bytes += size;
			if (isWanted && this.#records.needsRoom(ordinal)) survey.room += size;
		}
	}

	/** @throws BackupError TARGET_EXISTS */
	async #assertNothingInTheWay(links: EntryFacts[], standIns: ReadonlyMap<number, string>): Promise<void> {
		const { target } = this.#options;
		let count = 0;
		for (let ordinal = 0; ordinal < this.#records.count; ordinal++) {
			if (this.#records.isWanted(ordinal) && this.#records.isInTheWay(ordinal)) count++;
		}
		const names = this.#others.filter(({ ordinal }) => this.#records.isWanted(ordinal)).map(({ shown }) => shown);
		const files = [...standIns].map(([ordinal, name]) => this.#records.fileOf(ordinal, name));
		for (const facts of [...links, ...files]) {
			if ((await target.look(facts)) !== 'other') continue;
			count++;
			names.push(shownName(facts.name));
		}
		if (count > 0) throw entriesExist(names.slice(0, NAMES_TOLD), count);
	}

	/** @throws BackupError ARCHIVE_CORRUPT where something that is no folder has entries in it, such as a link that leads elsewhere */
	#assertFolders(): void {
		for (const ordinal of this.#names.marked()) {
			if (this.#records.kindOf(ordinal) === 'directory') continue;
			const shown = [...this.#symlinks].find((held) => held.ordinal === ordinal)?.facts.name;
			const what =
				shown === undefined ? 'something that is no folder' : `${shownName(shown)}, which is a symbolic link`;
			const message = `The tar ${this.#options.tar.name} has entries below ${what}; nothing was written.`;
			throw new BackupError('ARCHIVE_CORRUPT', message, {
				hint: 'Such a tar may be made to write outside of the folder that is restored into. If you trust it, unpack it with tar.',
			});
		}
	}
}

function tooMany(name: string, what: string): BackupError {
	return new BackupError('INVALID_INPUT', `The tar ${name} has more ${what}; nothing was written.`, {
		hint: 'A tar has no index, so that much of it is held in memory. Unpack it with tar.',
	});
}

/** What a member of a tar is as an entry of a set: its name made plain, and what is not restored told apart. */
import { BackupError } from '../../errors';
import type { TarMember } from '../../tar';
import { nameOf, shownName, type EntryFacts } from '../../tree';

/** Why a member is left out: `special` is a device or a pipe, `unknown` of a type that only its program knows, `index` ours. */
export type LeftOutBecause = 'special' | 'unknown' | 'index';

/** Neither `facts` nor `leftOut` for the folder itself that was packed. */
export interface ForeignMember {
	facts?: EntryFacts;
	leftOut?: LeftOutBecause;
	/** The name without a slash at its end, where the member takes the place of others of this name; empty for the folder itself. */
	bare: string;
	/** As messages show it. */
	shown: string;
}

/** As long as a path may be on Linux. */
const LONGEST_NAME = 4096;
/** What Back Up puts between the members of its own archives: see engine/tree/index-chunk.ts. */
const OWN_INDEX = /^\.stack-backup-index\/[0-9a-f-]{36}-\d{6}\.jsonl$/;

/** @throws BackupError ARCHIVE_CORRUPT for a name that no restore takes */
export function foreignMember({ path, type, size, runs, target, attributes }: TarMember): ForeignMember {
	const shown = shownName(nameOf(path.subarray(0, LONGEST_NAME)));
	if (type === 'other') return { leftOut: 'unknown', bare: '', shown };
	const bare = plainName(path, shown);
	if (bare === '') return { bare, shown };
	if (type === 'device') return { leftOut: 'special', bare, shown };
	if (OWN_INDEX.test(bare)) return { leftOut: 'index', bare, shown };
	const isDirectory = type === 'directory';
	return {
		facts: {
			...attributes,
			name: isDirectory ? `${bare}/` : bare,
			type,
			size: type === 'file' ? size : 0,
			...(runs && { sparse: true as const }),
			...(type === 'symlink' && { target: linkTarget(target, shown) }),
			...(type === 'link' && { target: plainName(target, shown) }),
		},
		bare,
		shown,
	};
}

/** Without the `./` at the beginning that most programs write, and without slashes that mean nothing. */
function plainName(path: Buffer, shown: string): string {
	if (path.length > LONGEST_NAME)
		throw refused(`holds a name of ${path.length} bytes`, 'No system has such long names.');
	if (path[0] === 0x2f) {
		throw refused(
			`holds the absolute path ${shown}`,
			'It was made with --absolute-names, or to write outside of the folder that is restored into. Pack it again without, or unpack it with tar, which takes the slash away.',
		);
	}
	return nameOf(path)
		.split('/')
		.filter((part) => part !== '' && part !== '.')
		.join('/');
}

function linkTarget(target: Buffer, shown: string): string {
	if (target.length > 0 && target.length <= LONGEST_NAME && !target.includes(0)) return nameOf(target);
	throw refused(`holds the link ${shown}, which leads to nothing that can be`, 'Do not rely on it.');
}

function refused(what: string, hint: string): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The tar ${what}; nothing was written.`, { hint });
}

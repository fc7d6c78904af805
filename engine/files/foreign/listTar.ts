/** Lists what a foreign tar holds, as it stands there. */
import type { EntryFacts } from '../../tree';
import { LeftOutMembers } from './left-out';
import { foreignMember } from './member';
import { Enough, type ForeignTar, walkForeign } from './open';

/**
 * Calls back with each entry, in the order of the tar, until that answers false or the tar ends. A name may come several times: a
 * restore brings back the last. Answers what was left out so far.
 * @throws BackupError as walkForeign does; ARCHIVE_CORRUPT for a name that no restore takes
 */
export async function listTar(
	tar: ForeignTar,
	visit: (entry: EntryFacts) => boolean,
	signal?: AbortSignal,
): Promise<{ warnings: string[] }> {
	const leftOut = new LeftOutMembers();
	await walkForeign(
		tar,
		(member) => {
			const { facts, leftOut: because, shown } = foreignMember(member);
			if (because) leftOut.add(because, shown);
			if (facts && !visit(facts)) throw new Enough();
		},
		signal ?? new AbortController().signal,
	);
	return { warnings: leftOut.warnings };
}

import type { KeepRules, RetentionPolicy } from './policy';
import { areEmpty } from './rules';

/** All backups that no override is about. */
const BACKUPS = 'backups';
/** Their copies of each week. */
const COPIES = 'weekly copies';

/** What a policy may let go, piece by piece. Of what it has no rules for, it lets nothing go. */
export function reachOf({ rules, overrides = [], foreign = [], wal }: RetentionPolicy): Set<string> {
	return new Set([
		...piecesOf(rules, ''),
		...overrides.flatMap(({ kind, name, tag, rules: own }) => piecesOf(own, JSON.stringify([kind, name, tag]))),
		...foreign.map(({ pattern }) => `files ${pattern}`),
		...(wal ? ['wal'] : []),
	]);
}

function piecesOf(rules: KeepRules, which: string): string[] {
	const { last, weeklySnapshots: weeks } = rules;
	return [
		...(areEmpty(rules) || last === 'all' ? [] : [`${BACKUPS}${which}`]),
		...(weeks && weeks !== 'all' ? [`${COPIES}${which}`] : []),
	];
}

/** Whether one policy decides on all that another one does. General rules decide on what overrides of others were about. */
export function coversReach(wider: ReadonlySet<string>, reach: ReadonlySet<string>): boolean {
	return [...reach].every((piece) => {
		const general = [BACKUPS, COPIES].find((one) => piece.startsWith(one));
		return wider.has(piece) || (general !== undefined && wider.has(general));
	});
}

import type { SeriesState } from './held';
import { namesakesOf } from './namesakes';
import { shortName } from './words';

/** `postgres shop`, with its server where another one has a series of the same name. */
export function subjectOf({ kind, name, origin }: SeriesState, all: readonly SeriesState[]): string {
	const isAlone = namesakesOf(all, { kind, name }).length < 2;
	return `${kind} ${shortName(name)}${isAlone || origin === undefined ? '' : ` at ${origin}`}`;
}

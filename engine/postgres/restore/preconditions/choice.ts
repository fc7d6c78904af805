import { BackupError } from '../../../errors';
import type { RestoreRequest, RestoreTarget } from '../options';
import { parseTableName, type RestoreSelection, rowsElsewhere, SelectionFilter, type SourceFacts } from '../source';

/**
 * Checks that the source holds what was chosen of it, and all that the target takes for granted.
 * @throws BackupError INVALID_INPUT
 */
export function checkChoice(facts: SourceFacts, { selection = {}, target }: RestoreRequest): void {
	checkSelection(facts, selection);
	checkPartitions(facts, selection);
	checkCompleteness(facts, target);
}

/** @throws BackupError INVALID_INPUT for a schema or table that the source does not hold. */
function checkSelection({ name, schemas, relations, expectedRows }: SourceFacts, selection: RestoreSelection): void {
	const tables = [...relations, ...(expectedRows?.keys() ?? [])].map((key) => key.split('\0'));
	const absent = [
		...(selection.schemas ?? [])
			.filter((schema) => !schemas.has(schema) && !tables.some(([of]) => of === schema))
			.map((schema) => `schema "${schema}"`),
		...(selection.tables ?? [])
			.filter((text) => {
				const parts = parseTableName(text);
				return !tables.some((table) =>
					parts.length === 2 ? table[0] === parts[0] && table[1] === parts[1] : table[1] === parts[0],
				);
			})
			.map((table) => `table ${table}`),
	];
	if (absent.length === 0) return;
	throw new BackupError('INVALID_INPUT', `${name} holds no ${absent.join(', no ')}; nothing was changed.`, {
		hint: 'Names are written as in SQL: capital letters and blanks need double quotes around a table’s name. The manifest lists what the backup holds.',
	});
}

/** @throws BackupError INVALID_INPUT where rows of a chosen partition stand among those of a table that is not chosen. */
function checkPartitions({ name, filter, expectedRows }: SourceFacts, selection: RestoreSelection): void {
	const [astray] = filter(selection).rowsElsewhere(new Set(expectedRows?.keys()));
	if (!astray) return;
	throw rowsElsewhere(name, astray, '; nothing was changed');
}

/** @throws BackupError INVALID_INPUT where part of a database would take the place of all of it. */
function checkCompleteness({ name, lacks }: SourceFacts, target: RestoreTarget): void {
	if (lacks === undefined || (target.type !== 'safeSwap' && target.type !== 'replace')) return;
	throw new BackupError(
		'INVALID_INPUT',
		`${name} is not the backup of a whole database: it lacks ${lacks}. Putting it in the place of "${target.database}" would lose that; nothing was changed.`,
		{ hint: 'Restore it into a new database or into the existing one, or choose a backup of the whole database.' },
	);
}

/** Warns where all of a source is restored, and that is not all of a database. */
export function partialWarnings({ lacks }: SourceFacts, { selection = {} }: RestoreRequest): string[] {
	const chosen = selection.dataOnly === true || !new SelectionFilter(selection).all;
	return lacks === undefined || chosen ? [] : [`This is not the backup of a whole database: it lacks ${lacks}.`];
}
